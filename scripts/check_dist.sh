#!/usr/bin/env bash
# Build wheel and sdist into dist/, and see that they are what PyPI, pip and napari want: `make dist`.
set -euo pipefail
cd "$(dirname "$0")/.."

rm -rf dist
python -m build --no-isolation --outdir dist . >/dev/null  # the wheel from the sdist, as others build it
twine check --strict dist/*

python - dist/* <<'PYTHON'
import sys
import tarfile
import zipfile
from pathlib import Path

limit = 100_000_000  # PyPI's, a file
wheel, sdist = sorted(map(Path, sys.argv[1:]), key=lambda path: path.suffix != ".whl")
inside = set(zipfile.ZipFile(wheel).namelist())
source = {name.split("/", 1)[1] for name in tarfile.open(sdist).getnames() if "/" in name}
wanted = {
    "sparseattn/py.typed",
    "napari_sparseattn/napari.yaml",
    "napari_sparseattn/models/stained_blood.safetensors",
    "napari_sparseattn/models/stained_blood.json",
    "napari_sparseattn/sample_data/stained/manifest.json",
    "napari_sparseattn/docs/tutorial.md",
}
missing = wanted - inside
foreign = [name for name in inside if name.split("/")[0].split("-")[0] not in ("sparseattn", "napari_sparseattn")]
hidden = [name for name in source if name.startswith((".ci/", ".github/", ".venv/", "build/"))]
sourceless = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "tests/conftest.py"} - source
for name, found in (("missing", missing), ("foreign", foreign), ("hidden", hidden), ("not in sdist", sourceless)):
    if found:
        sys.exit(f"{name}: {sorted(found)[:5]}")
for path in (wheel, sdist):
    size = path.stat().st_size
    print(f"{path}  {size / 1e6:.1f} MB")
    if size > limit:
        sys.exit(f"{path} is larger than PyPI takes")
PYTHON

# The manifest as it is in the wheel, not in the sources.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python -m pip install --quiet --no-deps --target "$folder" dist/*.whl
(cd "$folder" && PYTHONPATH="$folder" python -m npe2 validate napari_sparseattn/napari.yaml)
