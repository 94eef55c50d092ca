"""Features of all pairs of seeds: invariances, a case by hand, widths, the dead, split halves."""

import math

import pytest
import torch

from analysis.stability.features.directions import of_dictionary
from analysis.stability.features.pairing import pair_all, pwmcc, split_half
from analysis.stability.features.shared import (
    mmcs,
    mutual_nearest,
    recurrence,
    recurrence_histogram,
    shared_fraction,
)


def normal(*shape: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_order_and_length_of_features_are_not_seen(generator: torch.Generator) -> None:
    x = normal(30, 8, generator=generator)
    sizes = torch.rand(30, 1, generator=generator, dtype=torch.float64) + 0.1
    y = (sizes * x)[torch.randperm(30, generator=generator)]
    found = pair_all([of_dictionary(x), of_dictionary(y)])
    for measure in (pwmcc, shared_fraction, mmcs, mutual_nearest):
        assert measure(found, 2)[0, 1] == pytest.approx(1.0)
    assert [r.tolist() for r in recurrence(found, (30, 30))] == [[1] * 30] * 2


def test_a_case_by_hand() -> None:
    # Cosines of a's rows with b's: (1, .6) and (.96, .8): the best total takes 1 + .8.
    a = torch.tensor([[1.0, 0.0], [0.96, 0.28]], dtype=torch.float64)
    b = torch.tensor([[2.0, 0.0], [0.6, 0.8]], dtype=torch.float64)
    found = pair_all([of_dictionary(a), of_dictionary(b)])
    assert (found[0].first.tolist(), found[0].second.tolist()) == ([0, 1], [0, 1])
    assert pwmcc(found, 2)[0, 1] == pytest.approx((1 + 0.8) / 2)
    assert shared_fraction(found, 2, 0.9)[0, 1] == pytest.approx(1 / 2)
    assert mmcs(found, 2)[0, 1] == pytest.approx(((1 + 0.96) / 2 + (1 + 0.8) / 2) / 2)
    assert mutual_nearest(found, 2)[0, 1] == pytest.approx(1 / 2)
    assert [r.tolist() for r in recurrence(found, (2, 2), 0.9)] == [[1, 0], [1, 0]]


def test_signs_count_only_where_asked() -> None:
    a, b = torch.eye(3, dtype=torch.float64), -torch.eye(3, dtype=torch.float64)
    sets = [of_dictionary(a), of_dictionary(b)]
    assert pwmcc(pair_all(sets), 2)[0, 1] == pytest.approx(0.0)
    assert pwmcc(pair_all(sets, signed=False), 2)[0, 1] == pytest.approx(1.0)


def test_widths_may_differ_and_dead_features_are_shared_by_none() -> None:
    whole = torch.eye(4, dtype=torch.float64)
    part = torch.zeros(3, 4, dtype=torch.float64)
    part[0, 3] = part[2, 1] = 1.0
    found = pair_all([of_dictionary(whole), of_dictionary(part)])
    assert (found[0].widths, found[0].live) == ((4, 3), (4, 2))
    assert pwmcc(found, 2)[0, 1] == 1.0
    assert shared_fraction(found, 2)[0, 1] == pytest.approx(2 * 2 / 7)
    assert [r.tolist() for r in recurrence(found, (4, 3))] == [[0, 1, 0, 1], [1, 0, 1]]


def test_recurrence_counts_other_seeds(generator: torch.Generator) -> None:
    x = torch.linalg.qr(normal(6, 6, generator=generator)).Q
    found = pair_all([of_dictionary(each) for each in (x[:4], x[:4], x[2:])])
    counts = recurrence(found, (4, 4, 4))
    assert counts[0].tolist() == [1, 1, 2, 2]
    assert counts[2].tolist() == [2, 2, 0, 0]
    torch.testing.assert_close(
        recurrence_histogram(counts), torch.tensor([2, 4, 6], dtype=torch.float64) / 12
    )


def test_noise_matches_on_the_half_it_was_fitted_on_alone(generator: torch.Generator) -> None:
    sets = [normal(200, 64, generator=generator) for _ in range(3)]
    held, dead = split_half(sets)
    assert dead == (0, 0, 0)
    assert float(pwmcc(held, 3)[0, 1]) == pytest.approx(0.0, abs=0.03)
    fitted = pair_all([of_dictionary((x - x.mean(0)).T) for x in sets])
    assert float(pwmcc(fitted, 3)[0, 1]) > 0.12


def test_common_units_are_found_by_their_activations(generator: torch.Generator) -> None:
    units = normal(400, 10, generator=generator)
    other = 3 * units[:, torch.randperm(10, generator=generator)] + 1
    other[:, 0] = 5.0
    found, dead = split_half([units, other])
    assert dead == (0, 1)
    assert float(pwmcc(found, 2)[0, 1]) == pytest.approx(1.0)
    assert float(shared_fraction(found, 2)[0, 1]) == pytest.approx(18 / 20)


def test_mistakes_are_named(generator: torch.Generator) -> None:
    x = of_dictionary(normal(3, 4, generator=generator))
    with pytest.raises(ValueError, match=r"rows of one space, got \[4, 5\]"):
        pair_all([x, of_dictionary(normal(3, 5, generator=generator))])
    with pytest.raises(ValueError, match=r"a live feature in every seed, got none in \[1\]"):
        pair_all([x, of_dictionary(torch.zeros(3, 4, dtype=torch.float64))])
    with pytest.raises(ValueError, match=r"none in \[0\]"):
        split_half([torch.ones(8, 2), torch.rand(8, 2, generator=generator)])
    with pytest.raises(ValueError, match=r"same 4 or more inputs, got \[5, 8\]"):
        split_half([torch.rand(8, 2), torch.rand(5, 2)])
    for tau in (0.0, 1.1, math.nan):
        with pytest.raises(ValueError, match="tau: wanted a number above 0"):
            shared_fraction((), 1, tau)


def test_inputs_that_repeat_are_not_on_both_halves(generator: torch.Generator) -> None:
    """Without leaving repeats out, independent features of 60 inputs score .4 here."""
    which = torch.randint(0, 60, (1000,), generator=generator)
    sets = [normal(60, 24, generator=generator)[which] for _ in range(5)]
    pairs = torch.triu_indices(5, 5, 1).unbind()
    assert float(pwmcc(split_half(sets)[0], 5)[pairs].mean()) == pytest.approx(0.0, abs=0.05)
    with pytest.raises(ValueError, match="4 or more distinct inputs, got 3"):
        split_half([sets[0][:3].repeat(5, 1)] * 2)
