"""The picture of a training run."""

from pathlib import Path

import imageio.v3 as iio
import pytest

from sparseattn.errors import InputError
from sparseattn.export.training_curves import write_training_curves
from sparseattn.learn.history import EpochRecord, History


def history(epochs: int) -> History:
    records = (
        EpochRecord(
            n, epochs, 2 / n, None if n == 1 else 2.1 / n, 1 - 0.5 / n, 614 - n, (614 - n) / 4096, n, 0
        )
        for n in range(1, epochs + 1)
    )
    return History(epochs=tuple(records))


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_curves_are_written_by_suffix(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"curves{suffix}"
    write_training_curves(history(12), path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes()[:4] in (b"\x89PNG", b"<?xm", b"%PDF")
    if suffix == ".png":
        assert iio.imread(path)[..., :3].std() > 5


def test_one_epoch_is_enough_and_none_is_too_few(tmp_path: Path) -> None:
    write_training_curves(history(1), tmp_path / "one.png")
    with pytest.raises(InputError, match="no history"):
        write_training_curves(history(0), tmp_path / "none.png")
    with pytest.raises(InputError, match=r"\.png, \.svg, \.pdf"):
        write_training_curves(history(1), tmp_path / "curves.gif")
    assert [path.name for path in tmp_path.iterdir()] == ["one.png"]
