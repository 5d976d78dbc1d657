"""A table of predictions in scanpy: neighbours of cells by what the net reads off them."""

import subprocess
import sys


def test_scanpy_goes_on_from_an_h5ad(sparseattn, trained, tmp_path):
    """In a process of its own: it and its libraries warn of their own affairs."""
    table = tmp_path / "cells.h5ad"
    assert sparseattn("predict", trained.model, trained.cells, "-o", table).status == 0
    code = (
        "import sys, anndata, numpy, scanpy\n"
        "data = anndata.read_h5ad(sys.argv[1])\n"
        "scanpy.pp.neighbors(data, n_neighbors=5, use_rep='X_sparseattn')\n"
        "scanpy.tl.diffmap(data, n_comps=4)\n"
        "near = data.obsp['connectivities'].toarray().argmax(1)\n"
        "predicted = data.obs['predicted'].to_numpy()\n"
        "print(data.obsm['X_sparseattn'].shape, numpy.mean(predicted[near] == predicted))\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code, table], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shape, alike = done.stdout.rsplit(maxsplit=1)
    assert shape == "(24, 64)" and float(alike) > 0.6  # three classes: chance is a third
