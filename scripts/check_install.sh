#!/usr/bin/env bash
# A built wheel in a fresh environment, with the packages that are named, and the tests of the app's window there:
#   scripts/check_install.sh dist/napari_sparseattn-*.whl 'napari==0.9.*' PySide6 zarr numcodecs
# PYTHON says which Python, TESTS which tests, ENVIRONMENT where the environment is made (a temporary folder, removed in the end).
set -euo pipefail
[ $# -gt 0 ] || { sed -n '2,4p' "$0"; exit 2; }
wheel=$(realpath "$1"); shift
cd "$(dirname "$0")/.."
if [ -z "${ENVIRONMENT:-}" ]; then
    ENVIRONMENT=$(mktemp -d)
    trap 'rm -rf "$ENVIRONMENT"' EXIT
fi

"${PYTHON:-python3}" -m venv "$ENVIRONMENT"
# torch alone as in constraints.txt: left open, pip brings a build with gigabytes of CUDA.
grep '^torch==' constraints.txt >"$ENVIRONMENT/torch.txt"
"$ENVIRONMENT/bin/pip" --disable-pip-version-check install --quiet ${PIP_OPTIONS:-} -c "$ENVIRONMENT/torch.txt" \
    "$wheel" "$@" 'pytest>=8.3' pytest-qt pytest-timeout pytest-xdist hypothesis
"$ENVIRONMENT/bin/pip" check
"$ENVIRONMENT/bin/pip" list 2>/dev/null | grep -iE '^(napari|napari-sparseattn|pyqt6|pyside6|torch|numpy|pydantic) '
cd tests  # away from the sources: what is imported is the wheel
# shellcheck disable=SC2086
OMP_NUM_THREADS=1 ../scripts/with_display.sh "$ENVIRONMENT/bin/pytest" -q -p no:cacheprovider -o filterwarnings=default \
    -o addopts=--import-mode=importlib ${TESTS:-plugin/app/test_window.py plugin/app/test_live.py plugin/app/test_whole_flow.py}
