"""Universality: do different architectures share what two seeds of one architecture share?

From one similarity matrix over all models of all architectures, and one of a null:

    within    mean over architectures of the mean over pairs of its seeds
    between   mean over pairs of architectures of the mean over their pairs of seeds
    share     (between - null between) / (within - null within):  1 as much as two seeds do, 0 none

Each kind of pair stands above its own null, because untrained models of one architecture are alike
for reasons that two architectures don't share. Intervals leave one seed out at a time, within its
architecture, which is taken as given: they speak of new seeds, not of new architectures. Whether
architecture matters at all is asked by permuting its labels (Fisher 1935). That features recur over
networks is the claim of Olah et al. 2020 (distill) and Li et al. 2015, arXiv:1511.07543.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analysis.stability.estimates.intervals import Interval, off_diagonal, undefined
from analysis.stability.estimates.strata import stratified_interval

LEAST_GAP = 1e-6  # of within above its null, in units of the similarity
PERMUTATIONS = 2000


@dataclass(frozen=True, eq=False)
class Similarities:
    """A similarity of all pairs of models, 1 equal, and of what architecture each model is."""

    matrix: Float[Tensor, "seed seed"]
    architectures: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.architectures) != len(self.matrix):
            wanted, got = len(self.matrix), len(self.architectures)
            raise ValueError(f"architectures: wanted one a model, {wanted}, got {got}")
        object.__setattr__(self, "matrix", off_diagonal(self.matrix))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The architectures in order of first appearance."""
        return tuple(dict.fromkeys(self.architectures))

    @property
    def codes(self) -> Int[Tensor, "seed"]:
        """The number of each model's architecture among `kinds`."""
        return torch.tensor([self.kinds.index(each) for each in self.architectures])

    def blocks(self) -> Float[Tensor, "architecture architecture"]:
        """Mean similarity of each pair of architectures, pairs of a model with itself left out.

        NaN where there is no pair: on the diagonal for an architecture of one seed.
        """
        return _blocks(self.matrix, self.codes, len(self.kinds))

    def without(self, seed: int) -> "Similarities":
        """The same models but for one."""
        kept = [n for n in range(len(self.architectures)) if n != seed]
        names = tuple(self.architectures[n] for n in kept)
        return Similarities(self.matrix[kept][:, kept], names)


@dataclass(frozen=True)
class UniversalRung:
    """One null: its means within and between, and the universal share above it."""

    name: str
    within: Interval
    between: Interval
    share: Interval


@dataclass(frozen=True)
class Universality:
    """What architectures share, beside what their seeds share.

    blocks        architecture x architecture means of the similarity, NaN for one seed
    p             of the permutation test: how often dealt labels give within - between as large
    rungs         the null ladder, empty where no null was given
    """

    architectures: tuple[str, ...]
    blocks: tuple[tuple[float, ...], ...]
    within: Interval
    between: Interval
    p: float
    rungs: tuple[UniversalRung, ...] = ()

    def rung(self, name: str) -> UniversalRung | None:
        """The null of this name, if there was one."""
        return next((rung for rung in self.rungs if rung.name == name), None)


def universality(
    found: Similarities, nulls: Mapping[str, Similarities] | None = None, *, seed: int = 0
) -> Universality:
    """Compare pairs within architectures with pairs between them, above each null.

    A null of the same models in the same order is that of the same seeds: seed i is left out of
    both at once; the seeds of any other null are groups of their own. Costs M^3 for M models, and
    `PERMUTATIONS` M^2. Raises ValueError for fewer than two architectures.
    """
    if len(found.kinds) < 2:
        raise ValueError(f"architectures: wanted two or more, got {list(found.kinds)}")
    within, between = _both(found)
    return Universality(
        architectures=found.kinds,
        blocks=tuple(tuple(row) for row in found.blocks().tolist()),
        within=within,
        between=between,
        p=permutation_p(found, seed=seed),
        rungs=tuple(_rung(name, found, null) for name, null in (nulls or {}).items()),
    )


def means(found: Similarities) -> tuple[float, float]:
    """Mean within and between architectures; NaN where there is no such pair."""
    within, between = _means(found.blocks())
    return float(within), float(between)


def permutation_p(found: Similarities, permutations: int = PERMUTATIONS, *, seed: int = 0) -> float:
    """One-sided p of within > between when architecture labels are dealt at random.

    (1 + how many are as large)/(1 + permutations), in (0, 1]; NaN where no architecture has two
    seeds. Few seeds can't give a small one: two architectures of two seeds not below 1/3.
    """
    if permutations < 1:
        raise ValueError(f"permutations: wanted at least 1, got {permutations}")
    codes, kinds = found.codes, len(found.kinds)
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(permutations, len(codes), generator=generator).argsort(1)
    dealt = torch.nn.functional.one_hot(codes[order], kinds).double()
    sums = torch.einsum("pah,ab,pbg->phg", dealt, found.matrix, dealt)
    counts = _pair_counts(codes, kinds)
    gaps = _gap(sums / counts)
    observed = float(_gap(found.blocks()))
    if math.isnan(observed):
        return math.nan
    return (1 + int((gaps >= observed - 1e-12).sum())) / (1 + permutations)


def _gap(
    blocks: Float[Tensor, "*deal architecture architecture"],
) -> Float[Tensor, "*deal"]:
    within, between = _means(blocks)
    return within - between


def _means(
    blocks: Float[Tensor, "*deal architecture architecture"],
) -> tuple[Float[Tensor, "*deal"], Float[Tensor, "*deal"]]:
    """An architecture of one seed has no pairs of its own: the others' mean stands."""
    kinds = blocks.shape[-1]
    own = blocks.diagonal(dim1=-2, dim2=-1)
    rows, columns = torch.triu_indices(kinds, kinds, 1)
    return own.nanmean(-1), blocks[..., rows, columns].mean(-1)


def _blocks(
    matrix: Float[Tensor, "seed seed"], codes: Int[Tensor, "seed"], kinds: int
) -> Float[Tensor, "architecture architecture"]:
    dealt = torch.nn.functional.one_hot(codes, kinds).double()
    return (dealt.T @ matrix @ dealt) / _pair_counts(codes, kinds)


def _pair_counts(
    codes: Int[Tensor, "seed"], kinds: int
) -> Float[Tensor, "architecture architecture"]:
    """Ordered pairs of models of each pair of architectures, none with itself."""
    sizes = torch.bincount(codes, minlength=kinds).double()
    return sizes[:, None] * sizes[None, :] - torch.diag(sizes)


def _both(found: Similarities) -> tuple[Interval, Interval]:
    """Both means with intervals, never narrower than independent pairs would make them."""
    left_out = _left_out(found, found.without, means)
    pairs = found.codes[:, None] == found.codes[None, :]
    upper = torch.ones_like(pairs).triu(1)
    within, between = means(found)
    return (
        _interval(within, left_out, 0, found.matrix[pairs & upper], found),
        _interval(between, left_out, 1, found.matrix[~pairs & upper], found),
    )


def _interval(
    estimate: float,
    left_out: Mapping[str, Float[Tensor, "seed value"]],
    column: int,
    pairs: Float[Tensor, "pair"],
    found: Similarities,
) -> Interval:
    sizes = torch.bincount(found.codes)
    if column == 0 and bool((sizes == 2).any()):
        return undefined(estimate, "two seeds of an architecture are one pair")
    least = float(pairs.var()) / len(pairs) if len(pairs) > 1 else 0.0
    values = {name: rows[:, column] for name, rows in left_out.items()}
    if column == 0:  # an architecture of one seed has no pairs and says nothing here
        values = {name: rows for name, rows in values.items() if len(rows) > 1}
    if not values:
        return undefined(estimate, "no architecture has two seeds")
    return stratified_interval(estimate, values, least_variance=least)


def _rung(name: str, found: Similarities, null: Similarities) -> UniversalRung:
    if set(null.kinds) != set(found.kinds):
        wanted, got = sorted(found.kinds), sorted(null.kinds)
        raise ValueError(f"nulls[{name!r}]: wanted the architectures {wanted}, got {got}")
    return UniversalRung(name, *_both(null), share=_share(found, null))


def _share(found: Similarities, null: Similarities) -> Interval:
    """Undefined where within is not clearly above its null: a ratio to so little means nothing."""
    estimate, room = _ratio(found, null)
    if math.isnan(estimate):
        return undefined(estimate, "seeds of one architecture share no more than the null's")
    if min(torch.bincount(each.codes).min() for each in (found, null)) < 3:
        return undefined(estimate, "an architecture has fewer than three seeds")
    groups = _ratios_left_out(found, null)
    above = stratified_interval(room, {name: rows[:, 1] for name, rows in groups.items()})
    if above.low <= 0:
        return undefined(math.nan, "seeds of one architecture are not clearly above the null's")
    return stratified_interval(estimate, {name: rows[:, 0] for name, rows in groups.items()})


def _ratios_left_out(
    found: Similarities, null: Similarities
) -> dict[str, Float[Tensor, "seed value"]]:
    seeds = range(len(found.architectures))
    if null.architectures == found.architectures:
        paired = [_ratio(found.without(n), null.without(n)) for n in seeds]
        return _by_architecture(found, torch.tensor(paired, dtype=torch.float64))
    ours = [_ratio(found.without(n), null) for n in seeds]
    theirs = [_ratio(found, null.without(n)) for n in range(len(null.architectures))]
    floors = _by_architecture(null, torch.tensor(theirs, dtype=torch.float64))
    groups = _by_architecture(found, torch.tensor(ours, dtype=torch.float64))
    return groups | {f"null {name}": rows for name, rows in floors.items()}


def _ratio(found: Similarities, null: Similarities) -> tuple[float, float]:
    """The universal share, and how far within lies above its null."""
    (within, between), (floor, floor_between) = means(found), means(null)
    room = within - floor
    return ((between - floor_between) / room if room > LEAST_GAP else math.nan), room


def _left_out(
    found: Similarities,
    without: Callable[[int], Similarities],
    statistic: Callable[[Similarities], tuple[float, float]],
) -> dict[str, Float[Tensor, "seed value"]]:
    values = [statistic(without(seed)) for seed in range(len(found.architectures))]
    return _by_architecture(found, torch.tensor(values, dtype=torch.float64))


def _by_architecture(found: Similarities, values: Tensor) -> dict[str, Tensor]:
    return {kind: values[found.codes == n] for n, kind in enumerate(found.kinds)}
