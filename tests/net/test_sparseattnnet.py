"""The net: what is selected, what is read, and that nothing else decides."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from sparseattn.errors import InputError
from sparseattn.net import SparseAttnNet, SparseAttnNetConfig
from sparseattn.net.fine import ClassAttention
from sparseattn.net.select import gather_windows, select_top, units_for


def make_net(**fields: object) -> SparseAttnNet:
    torch.manual_seed(0)
    config = SparseAttnNetConfig.from_json({"channels": 2, "classes": 3, "size": 24, **fields})
    net = SparseAttnNet(config).eval()
    for parameter in net.parameters():  # so that no zero of the initialisation hides a path
        torch.nn.init.normal_(parameter, std=0.2)
    return net


def test_class_attention_equals_full_attention_among_all_words() -> None:
    torch.manual_seed(1)
    layer = ClassAttention(width=16, heads=4)
    cls, words, bias = torch.randn(3, 16), torch.randn(3, 50, 16), torch.randn(3, 50)
    after, weights, _ = layer(cls, words, bias)

    # Full attention: CLS and every word ask every word; the CLS row is the first.
    everyone = torch.cat([layer.norm(cls)[:, None], words], dim=1)
    query, key, value = layer.query(everyone), layer.key(words), layer.value(words)

    def heads(x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(2, (4, 4)).transpose(1, 2)

    full = F.scaled_dot_product_attention(
        heads(query), heads(key), heads(value), attn_mask=bias[:, None, None, :]
    )
    attended = cls + layer.output(full[:, :, 0].flatten(1))
    torch.testing.assert_close(after, attended, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 4))


@pytest.mark.parametrize(
    "fields", [{}, {"layers": 2}, {"cell_size": 1, "window": 1}, {"window": 2}, {"blocks": 0}]
)
def test_pixels_outside_the_selected_windows_decide_nothing(fields: dict[str, int]) -> None:
    net = make_net(**fields)
    image = torch.randn(4, 2, 24, 24)
    with torch.inference_mode():
        seen = net(image, 60)
        config = net.config
        margin = (config.window - config.cell_size) // 2
        mask = torch.zeros(4, config.units**2).scatter_(1, seen.selected, 1.0)
        mask = mask.view(4, 1, config.units, config.units).repeat_interleave(config.cell_size, 2)
        mask = mask.repeat_interleave(config.cell_size, 3)
        read = F.max_pool2d(mask, 2 * margin + 1, 1, margin) > 0
        assert 0 < read.float().mean() < 1
        changed = torch.where(read, image, torch.randn_like(image) * 50)
        again = net.decide(
            changed, torch.where(torch.rand_like(seen.coarse) < 2, seen.coarse, 0), seen.selected
        )
        torch.testing.assert_close(again.logits, seen.logits, atol=0, rtol=0)

        inside = torch.where(read, image + 1, image)
        assert not torch.allclose(net.decide(inside, seen.coarse, seen.selected).logits, seen.logits)


def test_scores_of_units_that_were_not_selected_decide_nothing() -> None:
    net = make_net()
    image = torch.randn(2, 2, 24, 24)
    with torch.inference_mode():
        seen = net(image, 60)
        kept = torch.zeros(2, 144, dtype=torch.bool).scatter_(1, seen.selected, True).view(2, 12, 12)
        again = net.decide(image, torch.where(kept, seen.coarse, torch.randn(2, 12, 12)), seen.selected)
    torch.testing.assert_close(again.logits, seen.logits, atol=0, rtol=0)


def test_a_net_with_context_is_not_strict() -> None:
    net = make_net(context=True)
    image = torch.randn(1, 2, 24, 24)
    with torch.inference_mode():
        seen = net(image, 60)
        coarse, features = net.coarse(image + torch.randn_like(image))
        again = net.decide(image, seen.coarse, seen.selected, net.coarse.context(features))
    assert coarse.shape == seen.coarse.shape
    assert not torch.allclose(again.logits, seen.logits)


@settings(max_examples=30, deadline=None)
@given(k=st.integers(1, 576), cell_size=st.sampled_from([1, 2, 4]))
def test_any_k_may_be_asked_of_one_net(k: int, cell_size: int) -> None:
    net = make_net(cell_size=cell_size, window=cell_size + 2, spread=0.0)
    with torch.inference_mode():
        output = net(torch.randn(2, 2, 24, 24), k)
    count = units_for(k, 24, cell_size)
    assert output.selected.shape == (2, count)
    assert output.fine.shape == (2, net.config.heads, count)
    torch.testing.assert_close(output.fine.sum(-1), torch.ones(2, net.config.heads))
    scores = output.coarse.flatten(1).gather(1, output.selected)
    assert (scores.diff(dim=1) <= 0).all()
    left = output.coarse.flatten(1).scatter(1, output.selected, -torch.inf)
    assert (left.amax(1) <= scores[:, -1]).all()
    assert all(len(set(row.tolist())) == count for row in output.selected)


def test_the_selection_spreads_out_but_not_at_any_price() -> None:
    logits = torch.randn(1, 12, 12, generator=torch.Generator().manual_seed(0))
    logits[0, 5, 4] = 20.0  # far more salient than all others, in an odd row

    chosen = select_top(logits, 30, spread=1.0)[0]
    assert chosen[0] == 5 * 12 + 4
    spread_out = ((chosen // 12 % 2 == 0) & (chosen % 12 % 2 == 0)).float().mean()
    highest = select_top(logits, 30)[0]
    side_by_side = ((highest // 12 % 2 == 0) & (highest % 12 % 2 == 0)).float().mean()
    assert spread_out > 0.7 > 0.5 > side_by_side


@given(few=st.integers(1, 144), many=st.integers(1, 144), spread=st.floats(0, 3))
def test_fewer_units_are_the_first_of_more(few: int, many: int, spread: float) -> None:
    few, many = sorted((few, many))
    logits = torch.randn(2, 12, 12, generator=torch.Generator().manual_seed(few))
    more = select_top(logits, many, spread=spread)
    assert torch.equal(more[:, :few], select_top(logits, few, spread=spread))


@pytest.mark.parametrize("k", [0, -1, 577])
def test_k_outside_the_image_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match="between 1 and the 576 pixels"):
        make_net()(torch.zeros(1, 2, 24, 24), k)


@settings(max_examples=30, deadline=None)
@given(unit=st.sampled_from([1, 2, 4]), margin=st.integers(0, 3), seed=st.integers(0, 99))
def test_windows_are_the_pixels_around_their_units(unit: int, margin: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(2, 3, 12, 12, generator=generator)
    selected = torch.randint(0, (12 // unit) ** 2, (2, 5), generator=generator)
    window = unit + 2 * margin
    values = gather_windows(image, selected, unit, window).view(2, 5, 3, window, window)
    padded = F.pad(image, (margin,) * 4)
    for cell in range(2):
        for number, index in enumerate(selected[cell].tolist()):
            y, x = index // (12 // unit) * unit, index % (12 // unit) * unit
            assert torch.equal(values[cell, number], padded[cell, :, y : y + window, x : x + window])


def test_noise_explores_in_proportion_to_the_spread_of_the_logits() -> None:
    logits = torch.linspace(0, 1, 100).view(1, 10, 10)
    generator = torch.Generator().manual_seed(0)
    still = set(select_top(logits, 20).flatten().tolist())
    for scale in (1e-3, 1.0, 1e3):  # the same ranking at any scale of the logits
        generator.manual_seed(0)
        noisy = set(select_top(scale * logits, 20, noise=0.5, generator=generator).flatten().tolist())
        assert 5 < len(still & noisy) < 20


def test_every_part_is_taught() -> None:
    net = make_net(layers=2).train()
    output = net(torch.randn(4, 2, 24, 24), 90)
    output.logits.square().sum().backward()
    untaught = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert untaught == []


def test_the_papers_form_selects_single_pixels() -> None:
    config = SparseAttnNetConfig.paper(3, 7, 32)
    assert (config.cell_size, config.window) == (1, 1)
    output = SparseAttnNet(config)(torch.randn(2, 3, 32, 32), 154)
    assert output.coarse.shape == (2, 32, 32)
    assert output.selected.shape == (2, 154)


def test_configuration_round_trip_and_refusals() -> None:
    config = SparseAttnNetConfig(3, 7, 48, layers=2)
    assert SparseAttnNetConfig.from_json(config.to_json()) == config
    for wrong in (
        {"channels": 3, "classes": 7},
        {**config.to_json(), "extra": 1},
        {**config.to_json(), "size": 47},
        {**config.to_json(), "width": 10**9},
        {**config.to_json(), "heads": 3},
        {**config.to_json(), "window": 5},
        {**config.to_json(), "classes": "7"},
        {**config.to_json(), "context": 1},
        {**config.to_json(), "spread": -1.0},
        {**config.to_json(), "spread": "wide"},
    ):
        with pytest.raises(InputError):
            SparseAttnNetConfig.from_json(wrong)
