"""k learned from the loss."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sparseattn.learn.adaptive_k import LossTrendController, as_good_as_the_best, candidates, learn_k


def test_the_smallest_k_that_is_surely_as_good_is_taken() -> None:
    generator = np.random.default_rng(0)
    hard = generator.exponential(size=200)  # cells differ far more than ks do
    excess = np.array([1.0, 0.2, 0.03, 0.0, 0.001])
    noise = generator.normal(scale=0.01, size=(5, 200))  # a standard error of 0.001 in the paired differences
    losses = hard + excess[:, None] + noise - noise.mean(axis=1, keepdims=True)
    assert as_good_as_the_best(losses) == 2


def test_equal_losses_need_the_fewest_pixels() -> None:
    assert as_good_as_the_best(np.ones((4, 10))) == 0


def test_few_cells_do_not_excuse_a_small_k() -> None:
    assert as_good_as_the_best(np.array([[2.0], [1.0], [1.0]])) == 1
    losses = np.array(
        [[0.0, 0.25], [0.3, 0.3], [0.1, 0.1]]
    )  # the first: better by chance on one of two cells
    assert as_good_as_the_best(losses) == 2


@given(arrays(np.float64, (6, 9), elements=st.floats(0, 10)))
def test_never_above_the_best_k(losses: np.ndarray) -> None:
    assert 0 <= as_good_as_the_best(losses) <= losses.mean(axis=1).argmin()


@given(
    arrays(np.float64, (6, 9), elements=st.floats(0, 10)),
    st.lists(st.floats(0, 1), min_size=6, max_size=6),
)
def test_the_learned_k_is_good_and_suffices_alone(losses: np.ndarray, shares: list[float]) -> None:
    ks = [10, 20, 30, 50, 80, 100]
    kept = dict(zip(ks, shares, strict=True))
    good = ks[as_good_as_the_best(losses) :]
    sufficient = [k for k in good if kept[k] >= 0.95]
    assert learn_k(ks, losses, kept.__getitem__) == min(sufficient, default=100)


@given(st.integers(64, 2**20), st.floats(0.001, 1))
def test_k_is_learned_within_its_budget(pixels: int, budget: float) -> None:
    ks = candidates(pixels, budget)
    assert ks == sorted(set(ks))
    assert ks[0] >= 1
    assert ks[-1] == max(1, round(budget * pixels))


def test_the_controller_shrinks_k_while_the_loss_falls_and_grows_it_when_it_rises() -> None:
    controller = LossTrendController(pixels=4096)
    ks = [controller.update(2.0 * 0.9**epoch) for epoch in range(20)]
    assert ks == sorted(ks, reverse=True)
    assert ks[-1] < 0.25 * 4096
    risen = [controller.update(2.0 + epoch) for epoch in range(10)]
    assert risen[-1] > ks[-1]
    assert all(0.02 * 4096 - 1 <= k <= 0.5 * 4096 for k in ks + risen)
