"""How much memory a command needs at its highest: it is run as a process of its own and waited for."""

import json
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Spent:
    """What a process needed.

    Attributes
    ----------
    what
        The command, for people.
    peak_mib
        Largest resident memory, pages of mapped files included.
    seconds
        From start to end.
    """

    what: str
    peak_mib: float
    seconds: float


# Linux counts the memory of the process that starts another as that of the other: a small one starts it.
_STARTER = (
    "import resource, subprocess, sys; status = subprocess.call([sys.executable, *sys.argv[1:]]); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); sys.exit(status)"
)


def spent(what: str, *arguments: object) -> Spent:
    """Run Python with these arguments and return what it needed; RuntimeError where it fails."""
    begun = time.monotonic()
    command = [sys.executable, "-c", _STARTER, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    *errors, peak = done.stderr.splitlines()
    if done.returncode:
        raise RuntimeError(f"{what} ended with {done.returncode}: {' '.join(errors)[-500:]}")
    scale = 1024 if platform.system() == "Linux" else 1024**2  # KiB there, bytes on macOS
    return Spent(what, int(peak) / scale, time.monotonic() - begun)


def write(results: list[Spent], path: Path, **about: object) -> None:
    """Write and print what was measured."""
    rows = [
        {name: round(v, 1) if isinstance(v, float) else v for name, v in asdict(r).items()} for r in results
    ]
    path.write_text(json.dumps({**about, "results": rows}, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        print(f"{row['what']:<40} {row['peak_mib']:>8.1f} MiB {row['seconds']:>7.1f} s")
