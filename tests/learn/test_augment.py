"""Augmentation: what varies, and what must not."""

from dataclasses import replace

import pytest
import torch

from sparseattn.learn.augment import Augmentation, augment


def pictures(count: int = 8, size: int = 33) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(size) - size // 2, torch.arange(size) - size // 2, indexing="ij")
    disc = ((y**2 + x**2) < 64).float()
    return torch.stack([disc, 2 * disc]).expand(count, -1, -1, -1).clone()


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("modality", ["phase", "flow", "fluorescence", "unknown"])
def test_intensity_and_size_stay_where_they_are_the_signal(modality: str) -> None:
    images = pictures()
    turned = augment(images, Augmentation.for_modality(modality), generator())  # type: ignore[arg-type]
    assert not torch.equal(turned, images)
    torch.testing.assert_close(turned.amax(dim=(2, 3)), images.amax(dim=(2, 3)), atol=1e-4, rtol=0)
    torch.testing.assert_close(turned.sum(dim=(2, 3)), images.sum(dim=(2, 3)), atol=0, rtol=0.03)


def test_stained_brightfield_varies_in_intensity_and_size() -> None:
    images = pictures(32)
    varied = augment(images, Augmentation.for_modality("brightfield"), generator())
    assert varied.amax(dim=(2, 3)).std(dim=0).min() > 0.02
    area = (varied[:, 0] > varied[:, 0].mean()).float().sum(dim=(1, 2))
    assert area.std() / area.mean() > 0.05


def test_pictures_of_events_get_noise_each_as_much_as_is_drawn() -> None:
    still = replace(Augmentation.for_modality("events"), rotation=0.0, flip=False, shift=0.0)
    noise = augment(torch.zeros(64, 2, 16, 16), still, generator())
    strength = noise.std(dim=(1, 2, 3))
    assert strength.min() < 0.15 and 0.85 < strength.max() < 1.1
    assert noise.mean().abs() < 0.02


def test_the_same_generator_gives_the_same_variants() -> None:
    augmentation = replace(Augmentation.for_modality("brightfield"), noise=0.5)
    once, twice = (augment(pictures(), augmentation, generator(3)) for _ in range(2))
    assert torch.equal(once, twice)
    assert not torch.equal(once, augment(pictures(), augmentation, generator(4)))


def test_nothing_varies_when_all_is_off() -> None:
    images = torch.randn(4, 3, 16, 16)
    still = augment(images, Augmentation(rotation=0, flip=False, shift=0), generator())
    torch.testing.assert_close(still, images, atol=1e-4, rtol=1e-4)


def test_without_rotation_and_flip_up_stays_up() -> None:
    images = torch.zeros(16, 1, 32, 32)
    images[:, :, :12] = 1  # the upper part is bright
    moved = augment(images, Augmentation(rotation=0, flip=False), generator())
    assert (moved[:, 0, 4].mean(dim=1) > moved[:, 0, -4].mean(dim=1)).all()
