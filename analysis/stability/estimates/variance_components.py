"""Where variation comes from: components of variance of crossed factors, from pairs of runs.

d_ij is any quantity with the meaning of half a squared difference: (l_i - l_j)^2 / 2 of a loss,
[other class], 1 - similarity, the Jensen-Shannon divergence. Let e(S) be its mean over pairs that
share exactly the factors S, and sigma_T the component of the term T (a set of crossed factors, an
interaction where it has several). A pair that shares S has all terms within S in common, so

    e(S) = sum_{T not within S} sigma_T,    sigma_T = sum_{S within T} (-1)^(|T|-|S|) (e({}) - e(S))

Nested factors split what two runs of one crossed cell differ by: repeat, then extractor, then a
second reading of the same model; each pair's first difference decides, and

    sigma_nested = e(differ in it) - e(differ only in later ones).

For balanced scalars these are the classical mean-square estimates (Henderson 1953, method I; Searle
1971); for other d they are components by definition, as in the analysis of distance (Gower and
Krzanowski 1999). They are unbiased, balanced or not, and may be negative: never clipped.

Intervals: one level of each crossed factor left out at a time, the factors' jackknife variances
added (an interaction is then counted twice, so they err upwards), Student's t by the fewest levels.
Simulated coverage with 4, 6, 10 levels each, normal parts, two repeats: 91 to 99.5% of 95.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import torch
from jaxtyping import Bool, Float, Int
from scipy.special import stdtrit
from torch import Tensor

from analysis.stability.estimates.intervals import Interval, off_diagonal, undefined

Levels = tuple[int, ...]
LEFT_OUT = "jackknife-t, one level of each crossed factor left out at a time"
WITHIN = "repeat"


@dataclass(frozen=True)
class VarianceComponents:
    """Terms in the order main effects, interactions, nested; `total` is their sum.

    names       "init", "order", "init x order", "repeat"
    components  of each term, in units of d; an estimate below 0 says: not told from 0
    shares      of the total, each with its own interval
    notes       what could not be told apart
    """

    names: tuple[str, ...]
    components: tuple[Interval, ...]
    shares: tuple[Interval, ...]
    total: Interval
    notes: tuple[str, ...] = ()


def variance_components(
    half_squares: Float[Tensor, "run run"],
    crossed: Mapping[str, Levels],
    *,
    nested: Mapping[str, Levels] | None = None,
    level: float = 0.95,
) -> VarianceComponents:
    """Components of all terms; an estimate. Cost runs^2 times the levels of all crossed factors.

    `crossed` and `nested` give each run's level of each factor; nested ones from the outermost in.
    Runs that share every factor named are repeats, and their differences the last term. Factors of
    one level are refused, and so are designs in which no pair shares some set of crossed factors
    and differs in the others. Raises ValueError then and on shapes that don't fit.
    """
    pairs = off_diagonal(half_squares)
    inner = dict(nested or {})
    _check(len(pairs), {**crossed, **inner}, crossed)
    design = _Design(tuple(crossed), torch.tensor(list(crossed.values())), tuple(inner))
    kind, names = _kinds(design, _stack(inner, len(pairs)))
    everyone = torch.ones(len(pairs), dtype=torch.bool)
    matrix = _solve(kind, names, design)
    estimate = _estimate(pairs, kind, matrix, everyone)
    missing = estimate.isnan().nonzero()
    if len(missing):
        raise ValueError(
            f"crossed: wanted every factor varied while the others stay, got none for"
            f" {names[int(missing[0])]!r}; levels {dict(crossed)}"
        )
    left_out = [_left_out(pairs, kind, matrix, levels) for levels in design.levels]
    total = estimate.sum()
    intervals = [
        _interval(float(estimate[i]), [each[:, i] for each in left_out], level)
        for i in range(len(names))
    ]
    shares = [
        _interval(
            float(estimate[i] / total) if float(total) != 0 else math.nan,
            [each[:, i] / each.sum(1) for each in left_out],
            level,
        )
        for i in range(len(names))
    ]
    return VarianceComponents(
        names,
        tuple(intervals),
        tuple(shares),
        _interval(float(total), [each.sum(1) for each in left_out], level),
        _notes(names, design),
    )


def half_squared_differences(values: Float[Tensor, "run"]) -> Float[Tensor, "run run"]:
    """(l_i - l_j)^2 / 2, whose mean over independent pairs is the variance."""
    v = values.detach().double().cpu()
    return (v[:, None] - v[None, :]).square() / 2


@dataclass(frozen=True, eq=False)
class _Design:
    crossed: tuple[str, ...]
    levels: Int[Tensor, "factor run"]
    nested: tuple[str, ...]

    @property
    def terms(self) -> tuple[tuple[int, ...], ...]:
        """All sets of crossed factors that are not empty, the small ones first."""
        count = len(self.crossed)
        return tuple(t for size in range(1, count + 1) for t in combinations(range(count), size))


def _stack(nested: Mapping[str, Levels], runs: int) -> Int[Tensor, "factor run"]:
    return torch.tensor(list(nested.values()), dtype=torch.long).reshape(len(nested), runs)


def _kinds(
    design: _Design, inner: Int[Tensor, "factor run"]
) -> tuple[Int[Tensor, "run run"], tuple[str, ...]]:
    """What each pair shares: a bit a crossed factor; past that, how many nested ones as well.

    The kind of runs that share all of it is the last; the diagonal is -1.
    """
    same = (design.levels[:, :, None] == design.levels[:, None, :]).long()
    full = 2 ** len(design.crossed) - 1
    kind = (same * (2 ** torch.arange(len(same)))[:, None, None]).sum(0)
    inside = kind == full
    for other in inner:
        inside = inside & (other[:, None] == other[None, :])
        kind = kind + inside.long()
    kind.fill_diagonal_(-1)
    names = [" x ".join(design.crossed[f] for f in term) for term in design.terms]
    nested = list(design.nested)
    if bool((kind == full + len(nested)).any()):
        nested.append(WITHIN if WITHIN not in (*nested, *design.crossed) else "reading")
    return kind, tuple(names + nested)


def _solve(
    kind: Int[Tensor, "run run"], names: tuple[str, ...], design: _Design
) -> Float[Tensor, "term kind"]:
    """The weights with which the means over kinds of pairs give the terms."""
    full, terms = 2 ** len(design.crossed) - 1, design.terms
    kinds = full + 1 + len(names) - len(terms)
    weights = torch.zeros(len(names), kinds, dtype=torch.float64)
    for row, term in enumerate(terms):
        for size in range(len(term) + 1):
            for shared in combinations(term, size):
                code = sum(2**f for f in shared)
                # Without repeats no pair shares the whole cell: e(all) is 0 by definition, and the
                # last interaction holds what repeats would have shown.
                if code < full or len(names) > len(terms):
                    weights[row, code] -= (-1) ** (len(term) - size)
    for row in range(len(terms), len(names)):
        code = full + row - len(terms)
        weights[row, code] += 1
        if row + 1 < len(names):
            weights[row, code + 1] -= 1
    return weights


def _estimate(
    pairs: Float[Tensor, "run run"],
    kind: Int[Tensor, "run run"],
    weights: Float[Tensor, "term kind"],
    kept: Bool[Tensor, "run"],
) -> Float[Tensor, "term"]:
    """The terms from the pairs of these runs; NaN where a kind that is needed is missing."""
    kinds = weights.shape[1]
    chosen = kept[:, None] & kept[None, :] & (kind >= 0) & (kind < kinds)
    count = torch.bincount(kind[chosen], minlength=kinds)
    mean = torch.bincount(kind[chosen], weights=pairs[chosen], minlength=kinds) / count
    needed = torch.where(weights == 0, torch.zeros_like(mean), mean)
    return (weights * needed).sum(1)


def _left_out(
    pairs: Float[Tensor, "run run"],
    kind: Int[Tensor, "run run"],
    weights: Float[Tensor, "term kind"],
    levels: Int[Tensor, "run"],
) -> Float[Tensor, "level term"]:
    return torch.stack([_estimate(pairs, kind, weights, levels != one) for one in levels.unique()])


def _interval(estimate: float, left_out: list[Tensor], level: float) -> Interval:
    if not math.isfinite(estimate) or not all(bool(e.isfinite().all()) for e in left_out):
        return undefined(estimate, "no value with one level of a factor left out", level)
    counts = [len(each) for each in left_out]
    variance = sum(
        (count - 1) / count * float((each - each.mean()).square().sum())
        for count, each in zip(counts, left_out, strict=True)
    )
    reach = float(stdtrit(min(counts) - 1, (1 + level) / 2)) * math.sqrt(variance)
    return Interval(estimate, estimate - reach, estimate + reach, level, LEFT_OUT)


def _notes(names: tuple[str, ...], design: _Design) -> tuple[str, ...]:
    if len(names) > len(design.terms):
        return ()
    return (f"no repeats: {names[-1]} and chance at the same levels can't be told apart",)


def _check(runs: int, factors: Mapping[str, Levels], crossed: Mapping[str, Levels]) -> None:
    if not crossed:
        raise ValueError("crossed: wanted at least one factor, got none")
    for name, levels in factors.items():
        if len(levels) != runs:
            raise ValueError(f"{name}: wanted a level for each of {runs} runs, got {len(levels)}")
    for name, levels in crossed.items():
        if len(set(levels)) < 2:
            raise ValueError(f"{name}: wanted at least two levels, got {sorted(set(levels))}")
