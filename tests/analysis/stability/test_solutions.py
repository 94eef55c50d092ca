"""The diversity of solution classes with what must stand beside it."""

import math

import pytest
import torch

from analysis.stability.entropies.solutions import Solutions, solutions


def of_counts(*counts: int) -> Solutions:
    labels = [f"s{n}" for n, count in enumerate(counts) for _ in range(count)]
    return solutions(labels, basis="label")


def test_published_counts_of_s5_in_bits() -> None:
    found = of_counts(20, 8, 6, 5, 5, 2, 2, 1, 1)
    assert found.unit == "bits"
    assert found.shannon is not None
    assert found.shannon.plug_in.estimate == pytest.approx(2.581, abs=0.0005)
    assert found.shannon.miller_madow.estimate == pytest.approx(2.696, abs=0.0005)
    assert found.collision.estimate == pytest.approx(0.208, abs=0.0005)
    assert found.coverage == pytest.approx(0.96)
    assert found.collision.low < 0.208 < found.collision.high
    assert found.at_least < found.shannon.plug_in.estimate


def test_four_solutions_in_four_seeds_are_unresolved() -> None:
    found = of_counts(1, 1, 1, 1)
    assert not found.resolved
    assert found.shannon is None
    assert "unresolved, coverage 0" in found.statement
    assert "2.0" not in found.statement
    assert found.at_least == pytest.approx(0.82, abs=0.01)
    assert (found.collision.low, found.collision.estimate) == (0.0, 0.0)
    assert found.collision.high == pytest.approx(0.56, abs=0.01)


@pytest.mark.parametrize(("seeds", "share"), [(20, 0.86), (50, 0.94)])
def test_all_seeds_in_one_class_are_no_proof_of_one_class(seeds: int, share: float) -> None:
    found = of_counts(seeds)
    assert found.modal_share.low == pytest.approx(share, abs=0.005)
    assert (found.collision.estimate, found.collision.high) == (1.0, 1.0)
    assert found.collision.low == pytest.approx(share**2, abs=0.01)
    assert found.shannon is not None
    assert found.shannon.chao_wang_jost.estimate == 0.0
    assert found.at_most is not None
    assert found.shannon.chao_wang_jost.high == found.at_most


def test_zero_entropy_is_said_as_what_it_excludes() -> None:
    assert "zero entropy at K=20 means below about 0.6 bit" in of_counts(20).statement
    assert "too few seeds" in of_counts(4).statement
    assert of_counts(4).at_most is None


def test_two_classes_of_ten_have_a_width() -> None:
    found = of_counts(10, 10)
    assert found.collision.low < 0.5 < found.collision.high
    assert found.shannon is not None
    assert found.shannon.chao_wang_jost.low < 1.0 < found.shannon.chao_wang_jost.high


def test_the_interval_of_the_entropy_is_called_approximate() -> None:
    found = of_counts(9, 6, 3, 1, 1)
    assert found.shannon is not None
    assert "approximate" in found.shannon.chao_wang_jost.method
    assert "bits (approximate), coverage" in found.statement


def test_the_entropy_is_covered_by_less_than_the_headline(generator: torch.Generator) -> None:
    """Why it is called approximate: .6, .3, .1 at 20 seeds, simulated 84%."""
    shares, hits = torch.tensor([0.6, 0.3, 0.1]), 0
    truth = float(torch.special.entr(shares).sum()) / math.log(2)
    for _ in range(200):
        labels = torch.multinomial(shares, 20, replacement=True, generator=generator).tolist()
        found = solutions(labels, basis="label").shannon
        assert found is not None
        hits += found.chao_wang_jost.low <= truth <= found.chao_wang_jost.high
    assert 0.75 <= hits / 200 <= 0.92


def test_one_seed_and_two() -> None:
    one = of_counts(1)
    assert not one.resolved
    assert math.isnan(one.collision.estimate)
    assert one.statement == "one seed: unresolved, coverage 0"
    assert of_counts(1, 1).collision.high == pytest.approx(0.95)
    assert of_counts(2).collision.low == pytest.approx(0.05)


def test_order_and_names_follow_the_seeds() -> None:
    found = solutions(["b", "a", "a"], basis="label")
    assert (found.classes, found.names, found.counts) == ((1, 0, 0), ("a", "b"), (2, 1))


@pytest.mark.parametrize("seeds", [5, 10, 20])
@pytest.mark.parametrize(
    "p",
    [
        pytest.param([0.5, 0.5], id="two equal"),
        pytest.param([0.125] * 8, id="eight equal"),
        pytest.param([0.9, 0.1], id="one rare"),
        pytest.param([0.4, 0.16, 0.12, 0.1, 0.1, 0.04, 0.04, 0.02, 0.02], id="S5"),
        pytest.param([0.2] + [0.008] * 100, id="one among rare ones"),
    ],
)
def test_the_interval_of_the_headline_covers(
    p: list[float], seeds: int, generator: torch.Generator
) -> None:
    """The bare jackknife covers as little as 24% here: balanced classes, and few repeats."""
    shares, hits = torch.tensor(p), 0
    for _ in range(120):
        labels = torch.multinomial(shares, seeds, replacement=True, generator=generator).tolist()
        found = solutions(labels, basis="label").collision
        hits += found.low <= float(shares.square().sum()) <= found.high
    assert hits / 120 >= 0.88


def test_no_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="labels"):
        solutions([], basis="label")
