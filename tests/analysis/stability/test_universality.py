"""Universality: block means by hand, planted shares, coverage, labels that say nothing."""

import math

import pytest
import torch

from analysis.stability.estimates.intervals import from_left_out, mean_interval
from analysis.stability.estimates.strata import stratified_interval
from analysis.stability.universality import Similarities, means, permutation_p, universality

KINDS = ("a", "a", "a", "b", "b", "b", "b", "c", "c", "c")


def similarities(
    universal: float, own: float, seeds: int, generator: torch.Generator, kinds: int = 2
) -> tuple[Similarities, float, float]:
    """Inner products of what all share, of what an architecture has, and of what a seed adds.

    Beside them the expectation of both means, for these architectures and any seeds.
    """

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64) / 12

    shared, special = drawn(144) * universal**0.5, drawn(kinds, 144) * own**0.5
    centres = shared + special
    size = 1 + 0.1 * torch.randn(kinds * seeds, generator=generator, dtype=torch.float64)
    rows = size[:, None] * centres.repeat_interleave(seeds, 0) + 0.3 * drawn(kinds * seeds, 144)
    names = tuple(f"architecture {n // seeds}" for n in range(kinds * seeds))
    truth = centres @ centres.T
    off = ~torch.eye(kinds, dtype=torch.bool)
    return (
        Similarities(rows @ rows.T, names),
        float(truth.diagonal().mean()),
        float(truth[off].mean()),
    )


def test_means_equal_pairs_looked_at_one_by_one(generator: torch.Generator) -> None:
    matrix = torch.rand(10, 10, generator=generator, dtype=torch.float64)
    found = Similarities((matrix + matrix.T) / 2, KINDS)
    blocks = {}
    for i in range(10):
        for j in range(i):
            blocks.setdefault(frozenset({KINDS[i], KINDS[j]}), []).append(found.matrix[i, j])
    each = {kinds: float(torch.stack(v).mean()) for kinds, v in blocks.items()}
    own = [v for kinds, v in each.items() if len(kinds) == 1]
    others = [v for kinds, v in each.items() if len(kinds) == 2]
    assert means(found) == pytest.approx((sum(own) / 3, sum(others) / 3))


def test_by_hand() -> None:
    matrix = torch.tensor([[1, 0.8, 0.5], [0.8, 1, 0.3], [0.5, 0.3, 1]]).double()
    found = universality(Similarities(matrix, ("a", "a", "b")))
    assert (found.within.estimate, found.between.estimate) == pytest.approx((0.8, 0.4))
    assert math.isnan(found.blocks[1][1])
    assert not found.within.defined


def test_the_share_is_above_each_pairs_own_null() -> None:
    def filled(within: float, between: float) -> Similarities:
        names = ("a",) * 3 + ("b",) * 3
        same = torch.tensor([[x == y for y in names] for x in names])
        return Similarities(torch.where(same, within, between).double(), names)

    found = universality(filled(0.9, 0.5), {"untrained": filled(0.3, 0.2)})
    rung = found.rung("untrained")
    assert rung is not None
    assert rung.share.estimate == pytest.approx(0.3 / 0.6)
    assert found.rung("other") is None
    alike = universality(filled(0.3, 0.3), {"untrained": filled(0.3, 0.2)}).rungs[0]
    assert not alike.share.defined


def test_two_seeds_of_an_architecture_give_the_share_no_interval() -> None:
    names = ("a", "a", "a", "b", "b")
    same = torch.tensor([[x == y for y in names] for x in names])
    found, null = (
        Similarities(torch.where(same, within, between).double(), names)
        for within, between in ((0.9, 0.5), (0.3, 0.2))
    )
    share = universality(found, {"untrained": null}).rungs[0].share
    assert share.estimate == pytest.approx(0.5)
    assert share.method == "undefined: an architecture has fewer than three seeds"


def test_a_planted_share_is_recovered(generator: torch.Generator) -> None:
    for universal, own in ((1.0, 0.0), (0.5, 0.5), (0.0, 1.0)):
        found, within, between = similarities(universal, own, 12, generator)
        zero = Similarities(torch.zeros_like(found.matrix), found.architectures)
        rung = universality(found, {"zero": zero}).rungs[0]
        assert rung.share.estimate == pytest.approx(between / within, abs=0.05)
        assert rung.share.low <= between / within <= rung.share.high


@pytest.mark.parametrize("seeds", [5, 10])
def test_intervals_cover(seeds: int, generator: torch.Generator) -> None:
    trials, hits = 120, torch.zeros(3)
    for _ in range(trials):
        found, within, between = similarities(0.5, 0.5, seeds, generator)
        zero = Similarities(torch.zeros_like(found.matrix), found.architectures)
        got = universality(found, {"zero": zero})
        each = (got.within, got.between, got.rungs[0].share)
        truth = (within, between, between / within)
        hits += torch.tensor([i.low <= t <= i.high for i, t in zip(each, truth, strict=True)])
    assert bool((hits / trials >= 0.92).all()), hits / trials


def test_labels_that_say_nothing_are_not_found(generator: torch.Generator) -> None:
    ps = []
    for trial in range(60):
        found, _, _ = similarities(1.0, 0.0, 4, generator, kinds=3)
        ps.append(permutation_p(found, 200, seed=trial))
    assert sum(p <= 0.05 for p in ps) <= 8
    found, _, _ = similarities(0.5, 0.5, 5, generator)
    assert permutation_p(found) < 0.02


def test_two_seeds_of_two_architectures_cannot_give_a_small_p() -> None:
    matrix = torch.eye(4).double()
    matrix[0, 1] = matrix[1, 0] = matrix[2, 3] = matrix[3, 2] = 1.0
    found = Similarities(matrix, ("a", "a", "b", "b"))
    assert permutation_p(found) == pytest.approx(1 / 3, abs=0.05)


def test_a_null_of_fewer_seeds_widens(generator: torch.Generator) -> None:
    found, _, _ = similarities(0.5, 0.5, 6, generator)
    null, _, _ = similarities(0.05, 0.05, 3, generator)
    rung = universality(found, {"untrained": null}).rungs[0]
    assert rung.share.defined
    zero = Similarities(torch.full((6, 6), rung.within.estimate).double(), null.architectures)
    fixed = universality(found, {"untrained": zero}).rungs[0].share
    assert rung.share.high - rung.share.low > 0.5 * (fixed.high - fixed.low)


def test_one_group_is_the_ordinary_jackknife(generator: torch.Generator) -> None:
    values = torch.rand(7, generator=generator, dtype=torch.float64)
    ours, theirs = stratified_interval(0.5, {"a": values}), from_left_out(0.5, values)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    mean = mean_interval(values)
    left_out = (values.sum() - values) / 6
    again = stratified_interval(mean.estimate, {"a": left_out})
    assert (again.low, again.high) == pytest.approx((mean.low, mean.high))


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="two or more"):
        universality(Similarities(torch.eye(3).double(), ("a",) * 3))
    with pytest.raises(ValueError, match="one a model, 3, got 2"):
        Similarities(torch.eye(3).double(), ("a", "b"))
    two = Similarities(torch.eye(2).double(), ("a", "b"))
    with pytest.raises(ValueError, match=r"nulls\['x'\]"):
        universality(two, {"x": Similarities(torch.eye(2).double(), ("a", "c"))})
    with pytest.raises(ValueError, match="at least one group"):
        stratified_interval(0.0, {})
