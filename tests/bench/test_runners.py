"""What is timed answers rightly: every runtime gives a net's own logits."""

import numpy as np
import pytest

from sparseattn.bench.contenders import Contender, contenders, missing
from sparseattn.bench.measure import some_images
from sparseattn.bench.runners import ask_by, in_chunks, runtimes_for, write_onnx
from sparseattn.errors import InputError

NETS = [
    Contender("sparseattn", (3, 64, 64), 614),
    Contender("sparseattn-paper", (2, 40, 40), 240),
    Contender("small-cnn", (1, 128, 128)),
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # exporters say much
@pytest.mark.parametrize("net", NETS, ids=lambda net: net.name)
def test_all_runtimes_give_the_same_logits(net, tmp_path):
    images = some_images(net, 5)
    onnx = tmp_path / "net.onnx"
    runtimes = runtimes_for(net)
    if "onnxruntime" in runtimes:
        write_onnx(net, onnx)
    wanted = ask_by("torch", net, None)(images)
    assert wanted.shape == (5, 7)
    for runtime in runtimes:
        np.testing.assert_allclose(ask_by(runtime, net, onnx)(images), wanted, atol=1e-3, err_msg=runtime)
    with pytest.raises(InputError, match="no runtime 'abacus'"):
        ask_by("abacus", net, None)


def test_every_cell_is_asked_about_once():
    seen = []
    images = some_images(NETS[0], 21)
    in_chunks(lambda part: seen.append(len(part)) or part, images, 8, 2)
    assert sorted(seen) == [5, 8, 8]


def test_our_net_is_there_at_each_number_of_pixels():
    named = [(one.title, one.k) for one in contenders([(3, 64, 64)], ("sparseattn", "vit"))]
    assert named == [
        ("sparseattn 15 %", 614),
        ("sparseattn 3 %", 123),
        ("sparseattn 5 %", 205),
        ("vit", None),
    ]
    assert missing(("sparseattn", "small-cnn")) is None
