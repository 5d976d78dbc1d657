"""What a run in parts is: all that decides what its files hold, so that it can go on only as it began."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from sparseattn.errors import InputError
from sparseattn.scale.parts import Part, parts_of
from sparseattn.writing import replaced_file

FILE = "run.json"
FORMAT = 1


@dataclass(frozen=True)
class RunPlan:
    """How cells are classified in parts.

    Attributes
    ----------
    model_hash
        Of the model.
    cells
        Fingerprint of the cells: see `CellSet.fingerprint`.
    count
        How many cells there are.
    cells_a_part
        Rows of a file.
    k
        Selected pixels of the net's grid.
    engine, device
        What the answers are computed by.
    batch_size
        Cells computed at once.
    error_rate
        Of the column ``set``; None: there is none.
    refraction_increment
        For the dry mass of phase images, µm³/pg.
    notes
        What a reader of the answers must know.
    columns
        Name and Arrow type of each column.
    selected, maps
        Whether selected pixels and maps are kept: see `sparseattn.scale.pixels`.
    """

    model_hash: str
    cells: str
    count: int
    cells_a_part: int
    k: int
    engine: str
    device: str
    batch_size: int
    error_rate: float | None
    refraction_increment: float
    notes: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    selected: bool
    maps: bool

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts, in order."""
        return parts_of(self.count, self.cells_a_part)

    def write(self, folder: Path) -> None:
        """Write the plan to a folder.

        Raises
        ------
        InputError
            Where it cannot be written.
        """
        with replaced_file(folder / FILE) as draft:
            draft.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=1), encoding="utf-8")


def read_plan(folder: Path) -> RunPlan | None:
    """Return the plan of a folder; None where it has none.

    Raises
    ------
    InputError
        Where it is damaged, or of another version.
    """
    path = folder / FILE
    try:
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if said.pop("format") != FORMAT:
            raise InputError(f"{path} is of another version of this program; give another folder")
        columns = tuple((str(name), str(kind)) for name, kind in said.pop("columns"))
        return RunPlan(**{**said, "notes": tuple(said["notes"])}, columns=columns)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give another folder") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is damaged; give another folder") from None


def check_same_run(folder: Path, begun: RunPlan, wanted: RunPlan) -> None:
    """Raise InputError unless a folder was begun with the same model, cells and options."""
    for field in fields(RunPlan):
        old, new = getattr(begun, field.name), getattr(wanted, field.name)
        if old == new:
            continue
        if field.name == "model_hash":
            what = "by another model"
        elif field.name in ("cells", "count"):
            what = "with other cells, or they have changed since"
        else:
            what = f"with other options ({field.name.replace('_', ' ')})"
        raise InputError(f"{folder} was begun {what}; give another folder, or go on as it was begun")
