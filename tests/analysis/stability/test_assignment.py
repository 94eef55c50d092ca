"""One-to-one matching: brute force, planted permutations, widths that differ, blocks."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from analysis.stability.features.assignment import assign


def unit(rows: int, d: int, generator: torch.Generator) -> torch.Tensor:
    return F.normalize(torch.randn(rows, d, generator=generator, dtype=torch.float64), dim=1)


def total(x: torch.Tensor, y: torch.Tensor, signed: bool = True, **sizes: int) -> float:
    found = assign(x, y, signed=signed, **sizes)
    assert len(set(found.second.tolist())) == len(found.first) == min(len(x), len(y))
    scores = (x[found.first] * y[found.second]).sum(1)
    return float((scores if signed else scores.abs()).sum())


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("sizes", [{}, {"most_exact": 2}])
def test_no_order_does_better(signed: bool, sizes: dict, generator: torch.Generator) -> None:
    x, y = unit(6, 3, generator), unit(4, 3, generator)
    cosines = x @ y.T if signed else (x @ y.T).abs()
    best = max(
        float(sum(cosines[i, j] for j, i in enumerate(order)))
        for order in itertools.permutations(range(6), 4)
    )
    for first, second in ((x, y), (y, x)):
        got = total(first, second, signed, **sizes)
        if sizes and signed:  # what stays out of the edges may be matched a little worse
            assert best - 0.5 <= got <= best + 1e-12
        else:
            assert got == pytest.approx(best)


@pytest.mark.parametrize("sizes", [{}, {"most_exact": 100, "candidates": 4}])
def test_a_planted_order_and_sign_come_back(sizes: dict, generator: torch.Generator) -> None:
    x = unit(300, 20, generator)
    order = torch.randperm(300, generator=generator)
    found = assign(x[order], x, **sizes)
    assert torch.equal(found.second, order)
    assert found.exact == (not sizes)
    assert torch.equal(assign(-x[order], x, signed=False, **sizes).second, order)


def test_blocks_come_close_to_the_best_on_noise(generator: torch.Generator) -> None:
    x, y = unit(600, 16, generator), unit(700, 16, generator)
    best = total(x, y)
    assert best - 0.5 <= total(x, y, most_exact=500, candidates=32) <= best + 1e-9


def test_spaces_must_agree(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match="second: wanted rows of the same space, got 3 and 4"):
        assign(unit(2, 3, generator), unit(2, 4, generator))
