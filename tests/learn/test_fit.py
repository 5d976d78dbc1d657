"""Training: it learns, the same again, and as if never stopped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sparseattn.cells import CellSet
from sparseattn.classifier import Classifier
from sparseattn.errors import InputError
from sparseattn.learn.fit import fit
from sparseattn.learn.history import EpochRecord
from sparseattn.learn.options import TrainingOptions
from sparseattn.learn.prototypes import Prototypes

SMALL = {"width": 16, "coarse_width": 8, "hidden": 16, "blocks": 1}
SIZE = 16


def discs(classes: tuple[str, ...] = ("small", "large", "ring"), count: int = 16, seed: int = 0) -> CellSet:
    """Cells of one channel that differ in shape, at random places."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE]
    images, labels = [], []
    for number in range(count * len(classes)):
        name = classes[number % len(classes)]
        away = np.hypot(y - 7.5 - rng.normal(), x - 7.5 - rng.normal())
        shape = {
            "small": away < 2.5,
            "large": away < 5.5,
            "ring": (away > 3.5) & (away < 6),
            "bar": abs(y - 8) < 2,
        }
        images.append(np.where(shape[name], 200.0, 20.0) + rng.normal(0, 8, (SIZE, SIZE)))
        labels.append(name)
    array = np.asarray(images, dtype=np.float32)[:, None]
    return CellSet.from_array(array, channels=("intensity",), labels=labels)


def train(cells: CellSet | None = None, *, seed: int = 0, epochs: int = 3, **arguments: object) -> Classifier:
    options = TrainingOptions(epochs=epochs, batch_size=16, seed=seed, prototypes=8)
    return fit(cells or discs(), options=options, size=SIZE, net=SMALL, **arguments)  # type: ignore[arg-type]


def weights(model: Classifier) -> dict[str, torch.Tensor]:
    return model.net.state_dict()


def same(one: Classifier, other: Classifier) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(one).values(), weights(other).values(), strict=True))


@pytest.fixture(scope="module")
def trained() -> Classifier:
    return train(epochs=20)


def test_it_learns_and_says_how_well(trained: Classifier) -> None:
    fresh = discs(seed=9)
    predicted = trained.predict(fresh).predicted
    assert np.mean([p == label for p, label in zip(predicted, fresh.labels, strict=True)]) > 0.9
    assert trained.history.validation["balanced_accuracy"] > 0.8
    losses = [record.loss for record in trained.history.epochs]
    assert np.mean(losses[-3:]) < 0.7 * np.mean(losses[:3])


def test_k_is_learned_and_its_course_recorded(trained: Classifier) -> None:
    assert 1 <= trained.k <= SIZE**2 // 2
    assert trained.history.k_trajectory[-1] == trained.k == trained.history.epochs[-1].k
    assert len(trained.history.k_trajectory) == 20


def test_a_fixed_share_of_pixels_and_the_controller() -> None:
    for pixels, expected in (
        (0.15, {round(0.15 * SIZE**2)}),
        ("controller", set(range(1, SIZE**2 // 2 + 1))),
    ):
        options = TrainingOptions(epochs=2, batch_size=16, pixels=pixels)  # type: ignore[arg-type]
        assert fit(discs(), options=options, size=SIZE, net=SMALL).k in expected


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    first = train()
    assert same(first, train())
    assert not same(first, train(seed=1))


class Killed(Exception):
    pass


@pytest.mark.parametrize("last", [1, 2])
def test_a_run_that_was_killed_ends_as_if_it_had_not_been(tmp_path: Path, last: int) -> None:
    checkpoint = tmp_path / "model.checkpoint"

    def kill(record: EpochRecord) -> None:
        if record.epoch == last:
            raise Killed

    with pytest.raises(Killed):
        train(checkpoint=checkpoint, on_epoch=kill)
    assert checkpoint.exists()
    resumed = train(checkpoint=checkpoint, resume=True)
    unbroken = train()
    assert same(resumed, unbroken)
    assert resumed.k == unbroken.k
    assert [r.epoch for r in resumed.history.epochs] == [1, 2, 3]
    assert list(tmp_path.iterdir()) == [checkpoint]  # whoever saves the model removes it
    assert same(train(checkpoint=checkpoint, resume=True), unbroken)  # killed before the model was saved


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "model.checkpoint"

    def kill(record: EpochRecord) -> None:
        raise Killed

    with pytest.raises(Killed):
        train(checkpoint=checkpoint, on_epoch=kill)
    with pytest.raises(InputError, match="other options"):
        train(checkpoint=checkpoint, resume=True, seed=5)
    with pytest.raises(InputError, match="other cells"):
        train(discs(seed=4), checkpoint=checkpoint, resume=True)
    checkpoint.write_bytes(b"nonsense")
    with pytest.raises(InputError, match="not a checkpoint"):
        train(checkpoint=checkpoint, resume=True)


def test_early_stopping_keeps_the_best_weights() -> None:
    options = TrainingOptions(epochs=40, batch_size=16, patience=2, learning_rate=0.05)
    model = fit(discs(), options=options, size=SIZE, net=SMALL)
    seen = [record.validation_loss for record in model.history.epochs]
    assert len(seen) < 40
    assert seen.index(min(seen)) == len(seen) - 3


def test_fine_tuning_adds_a_class_and_does_not_forget_the_others(trained: Classifier) -> None:
    new = discs(("bar",), count=16, seed=5)
    tuned = train(new, start=trained, epochs=100)
    assert tuned.classes == (*trained.classes, "bar")
    old = discs(seed=9)
    right = np.mean([p == label for p, label in zip(tuned.predict(old).predicted, old.labels, strict=True)])
    assert right > 0.85
    bars = discs(("bar",), count=16, seed=6)
    assert np.mean([p == "bar" for p in tuned.predict(bars).predicted]) > 0.8
    before, after = (tuned.history.validation[f"{when}_finetuning"] for when in ("before", "after"))
    assert before["n"] == after["n"] == 6  # two prototypes of each old class, held back
    assert after["balanced_accuracy"] >= before["balanced_accuracy"] - 0.2
    assert set(trained.split.sides) <= set(tuned.split.sides)


def test_a_model_without_cells_to_rehearse_does_not_forget_a_class(trained: Classifier) -> None:
    channels, side = trained.prototypes.images.shape[1:3]
    bare = replace(trained, prototypes=Prototypes.none(channels, side))
    with pytest.raises(InputError, match=r"keeps no cells to rehearse, .* its class 'ring'"):
        train(discs(("small", "large")), start=bare)
    assert train(discs(), start=bare, epochs=1).classes == trained.classes


def test_cells_that_cannot_teach_are_refused() -> None:
    with pytest.raises(InputError, match="only the class 'small'"):
        train(discs(("small",)))
    with pytest.raises(InputError, match="no cell has a class"):
        train(CellSet.from_array(np.random.default_rng(0).random((4, 1, 16, 16)), channels=("a",)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"pixels": 0.0},
        {"pixels": 1.5},
        {"pixels": "some"},
        {"least_pixels": 0.6, "most_pixels": 0.5},
        {"few_pixels": 0.01},
    ],
)
def test_options_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        TrainingOptions(**wrong)  # type: ignore[arg-type]
