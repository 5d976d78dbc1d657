"""Write docs/licences.md and constraints.txt from what is installed: every package that an extra brings.

python scripts/licences.py          # both files, from an environment that holds [test]
"""

from collections import defaultdict
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
OURS = "napari-sparseattn"
DOCUMENT, CONSTRAINTS = ROOT / "docs" / "licences.md", ROOT / "constraints.txt"

EXTRAS = (
    "", "fast", "events", "phase", "microscopy", "cytometry", "imagej", "onnx", "scale", "xai", "app",
    "bench", "test", "docs",
)  # fmt: skip
"""In the order in which a package is put down to one of them; "" is what every installation has."""

ALLOWED = (
    "MIT",
    "BSD",
    "Apache",
    "PSF",
    "Python Software Foundation",
    "ISC",
    "zlib",
    "0BSD",
    "MPL",
    "Mozilla",
    "MIT-CMU",
)
"""Beginnings of the licences under which a package may be combined with ours and passed on."""

COPYLEFT = {
    "aicspylibczi": "GPL-3.0-or-later",
    "bioio-czi": "GPL-3.0",
    "dclab": "GPL-2.0-or-later",
    "pylibczirw": "LGPL-3.0",
    "pyqt6": "GPL-3.0-only",
    "pyqt6-qt6": "LGPL-3.0",
}
"""The packages of other licences, each of them optional; docs/licences.md says what that means."""

_FOUND_ELSEWHERE = {
    "bioimageio-core": "MIT",
    "bioimageio-spec": "MIT",
    "docutils": "Public Domain, BSD-2-Clause",  # its one GPL file, for Emacs, is not installed
    "umap-learn": "BSD-3-Clause",
    "faery": "MIT",  # in its repository; its metadata say none
    "scipy": "BSD-3-Clause",
    "cycler": "BSD-3-Clause",
    "matplotlib": "Python Software Foundation License",
    "kiwisolver": "BSD-3-Clause",
    "python-dateutil": "Apache-2.0 or BSD-3-Clause",
    "scikit-image": "BSD-3-Clause",
    "hdf5plugin": "MIT, BSD and zlib: a licence a filter",
}


def installed(name: str) -> Distribution | None:
    """Return a package that is installed."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def packages() -> dict[str, str]:
    """Return the packages that are installed because of ours, each with the first extra that brings it."""
    found: dict[str, str] = {}
    for extra in EXTRAS:
        waiting = [(OURS, frozenset({extra} if extra else ()))]
        seen = set()
        while waiting:
            name, extras = waiting.pop()
            there = installed(name)
            if there is None or (name, extras) in seen:
                continue
            seen.add((name, extras))
            if name != OURS:
                found.setdefault(name, extra)
            for text in there.requires or ():
                wanted = Requirement(text)
                if wanted.marker is None or any(
                    wanted.marker.evaluate({"extra": one}) for one in extras or ("",)
                ):
                    waiting.append((canonicalize_name(wanted.name), frozenset(wanted.extras)))
    return dict(sorted(found.items()))


def licence(name: str) -> str:
    """Return the licence of an installed package as its metadata say it, in a few words."""
    if name in COPYLEFT or name in _FOUND_ELSEWHERE:
        return COPYLEFT.get(name) or _FOUND_ELSEWHERE[name]
    about = distribution(name).metadata
    classified = [
        line.rpartition(" :: ")[2]
        for line in about.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    said = about.get("License-Expression") or ", ".join(classified) or (about.get("License") or "").strip()
    return said.partition("\n")[0] or "not said"


def is_allowed(text: str) -> bool:
    """Whether each part of a licence is one of `ALLOWED`; of "A OR B" one is enough."""
    if " OR " in text:
        return any(is_allowed(part) for part in text.split(" OR "))
    parts = text.replace(" AND ", ",").replace(" and ", ",").split(",")
    return all(_is_known(part.strip()) for part in parts)


def _is_known(part: str) -> bool:
    plain = part.removeprefix("The ").removeprefix("Revised ").removeprefix("3-Clause ")
    return plain.lower().startswith(
        tuple(
            known.lower()
            for known in (*ALLOWED, "BSL-1.0", "CC0", "Public Domain", "Unlicense", "TCL", "DFSG")
        )
    )


def pinned(name: str) -> str:
    """Return a package as constraints.txt has it; a build for a device is the same release."""
    return f"{name}=={distribution(name).version.partition('+')[0]}"


def main() -> None:
    """Write both files."""
    here = packages()
    rows = defaultdict(list)
    for name, extra in here.items():
        rows[extra].append(f"| {name} | {distribution(name).version.partition('+')[0]} | {licence(name)} |")
    intro, mark, _ = DOCUMENT.read_text(encoding="utf-8").partition("<!-- packages -->\n")
    parts = [intro + mark]
    for extra in EXTRAS:
        if rows[extra]:
            title = f"[{extra}]" if extra else "Always"
            parts.append(f"\n## {title}\n\n| package | version | licence |\n|---|---|---|")
            parts.append("\n".join(rows[extra]))
    DOCUMENT.write_text("\n".join(parts) + "\n", encoding="utf-8")
    comments = [line for line in CONSTRAINTS.read_text().splitlines() if line.startswith("#")]
    CONSTRAINTS.write_text("\n".join([*comments, *map(pinned, here)]) + "\n")


if __name__ == "__main__":
    main()
