"""Decomposition, exactness and their verbs on cases small enough to compute by hand."""

import pytest
import torch

from interpretable_arch.decomposition import Component, Decomposition, Exactness, compose

FIRST = Component("first", torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0, 0.0]]))
SECOND = Component("second", torch.tensor([[3.0], [4.0]]), torch.tensor([[0.0, 10.0]]))
WHOLE = Decomposition((FIRST, SECOND), Exactness.unconditional())


def test_total_is_the_sum_by_hand():
    assert WHOLE.total().tolist() == [[1.0, 30.0], [2.0, 40.0]]
    assert WHOLE.relative_error(torch.tensor([[1.0, 30.0], [2.0, 40.0]])) == 0


def test_parts_that_share_a_direction_meet_before_the_product():
    shared = torch.randn(3, 7)
    parts = tuple(Component(f"p{i}", torch.randn(5, 3), shared) for i in range(4))
    whole = Decomposition(parts, Exactness.unconditional())
    torch.testing.assert_close(whole.total(), torch.stack([p.value() for p in parts]).sum(0))


def test_edits_are_direct_effects_and_leave_the_original():
    assert WHOLE.ablate("second").total().tolist() == [[1.0, 0.0], [2.0, 0.0]]
    assert WHOLE.scale("first", 2.0).total().tolist() == [[2.0, 30.0], [4.0, 40.0]]
    assert WHOLE.pin("second", 1.0).total().tolist() == [[1.0, 10.0], [2.0, 10.0]]
    other = Decomposition((SECOND, FIRST), Exactness.unconditional()).scale("first", -1.0)
    assert WHOLE.swap("first", other).total().tolist() == [[-1.0, 30.0], [-2.0, 40.0]]
    assert WHOLE.total().tolist() == [[1.0, 30.0], [2.0, 40.0]]


def test_groups_keep_the_sum():
    grouped = WHOLE.grouped({"both": ["first", "second"]})
    assert grouped.names == ("both",)
    torch.testing.assert_close(grouped.total(), WHOLE.total())
    with pytest.raises(ValueError, match="use each of"):
        WHOLE.grouped({"one": ["first"]})


def test_toward_never_builds_values():
    u = torch.tensor([1.0, -1.0])
    assert WHOLE.toward(u).tolist() == [[1.0, -30.0], [2.0, -40.0]]


def test_unknown_component_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'second'"):
        WHOLE["secnd"]
    with pytest.raises(ValueError, match="names must differ"):
        Decomposition((FIRST, FIRST), Exactness.unconditional())


def test_exactness_of_a_composition():
    exact = Exactness.unconditional()
    assert compose([("unembed", None)]).tier == "unconditional"
    assert compose([("spline", exact), ("unembed", None)]).tier == "unconditional"
    deep = compose([("first", exact), ("second", exact)])
    assert str(deep) == "GIVEN(first.hidden)"
    assert deep.set_by == ("first",)
    routed = compose([("attn", Exactness.given("pattern")), ("mlp", exact)])
    assert routed.state == ("attn.pattern",)
    free = compose([("core", exact), ("rest", Exactness.remainder(0.25))])
    assert str(free) == "REMAINDER(core.hidden, 0.25)"


def test_exactness_order():
    assert Exactness.unconditional().keeps("given")
    assert not Exactness.approximate(0.1).keeps("given")
    assert str(Exactness.given("a", "b")) == "GIVEN(a, b)"
