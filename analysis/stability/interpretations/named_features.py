"""Features by name and value: what each model says of itself in numbers, compared over seeds.

The numbers don't change under the model's symmetry, so equal names may be compared as they stand.
Of one name:

    recurrence   share of seeds that give it
    spread       standard deviation over mean size: sd / mean |value|
    agreement    mean over pairs of 1 - |a - b| / (|a| + |b|), in [0, 1]

Names that differ by numbers alone are of one kind: `blocks.0.mlp.neuron.rank.3.reads` is of the
kind `blocks.mlp.neuron.reads`. Of a kind, all at once: 1 - |a - b|_2 / (|a|_2 + |b|_2), which
is 1 only where all values are equal.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.stability.estimates.intervals import (
    Interval,
    clopper_pearson,
    jackknife,
    mean_interval,
    pair_interval,
    undefined,
)
from analysis.stability.interpretations.units import role
from interpretable_arch.interpretation import Interpretation


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """values [seed, name], NaN where a seed doesn't give the name; names in order of appearance."""

    names: tuple[str, ...]
    values: Float[Tensor, "seed name"]

    def kinds(self) -> dict[str, list[int]]:
        """The columns of each kind: names that differ by numbers alone."""
        found: dict[str, list[int]] = {}
        for column, name in enumerate(self.names):
            found.setdefault(role(name), []).append(column)
        return found

    def of(self, columns: Sequence[int]) -> Float[Tensor, "seed name"]:
        """These columns; a name that a seed doesn't give counts as 0 there."""
        return self.values[:, list(columns)].nan_to_num(nan=0.0)


@dataclass(frozen=True)
class FeatureSpread:
    """One name over the seeds: who gives it, and how much its value varies among those."""

    name: str
    given: int
    recurrence: Interval
    mean: Interval
    spread: Interval
    agreement: Interval


def feature_table(interpretations: Sequence[Interpretation]) -> FeatureTable:
    """All named numbers of K models.

    Raises ValueError for no models, for a name given twice by one, and for a value that is not
    finite (which model, which name).
    """
    if not interpretations:
        raise ValueError("interpretations: wanted at least one, got none")
    names = tuple(dict.fromkeys(f.name for each in interpretations for f in each.features))
    place = {name: n for n, name in enumerate(names)}
    values = torch.full((len(interpretations), len(names)), math.nan, dtype=torch.float64)
    for seed, each in enumerate(interpretations):
        for feature in each.features:
            where = f"{feature.name!r} of model {seed}"
            if not math.isfinite(feature.value):
                raise ValueError(f"features: wanted finite values, got {feature.value}, {where}")
            if not values[seed, place[feature.name]].isnan():
                raise ValueError(f"features: wanted each name once, got {where} twice")
            values[seed, place[feature.name]] = feature.value
    return FeatureTable(names, values)


def agreement(values: Float[Tensor, "seed name"]) -> Float[Tensor, "seed seed"]:
    """1 - |a - b| / (|a| + |b|) of all pairs of rows, Euclidean, in [0, 1]; two zeros agree."""
    if values.ndim != 2 or not bool(values.isfinite().all()):
        raise ValueError(f"values: wanted finite [seed, name], got shape {tuple(values.shape)}")
    values = values.double()
    apart, size = torch.cdist(values, values), values.norm(dim=1)
    most = size[:, None] + size[None, :]
    return torch.where(most > 0, 1 - apart / most.clamp(min=1e-300), 1.0).fill_diagonal_(1.0)


def correlation(values: Float[Tensor, "seed name"]) -> Float[Tensor, "seed seed"]:
    """Pearson's correlation over names of all pairs of rows, by one matrix product, in [-1, 1].

    Names of one kind are ordered by size, so that even untrained models correlate: read it above
    its null. Raises ValueError for fewer than three names, and for a row that is constant.
    """
    if values.shape[1] < 3:
        raise ValueError(f"values: wanted three names or more, got {values.shape[1]}")
    centred = values.double() - values.double().mean(1, keepdim=True)
    size = centred.norm(dim=1)
    if bool((size <= 1e-12 * values.double().norm(dim=1)).any()):
        bad = (size <= 1e-12 * values.double().norm(dim=1)).nonzero().flatten().tolist()
        raise ValueError(f"values: wanted rows that vary, got constant ones from seeds {bad}")
    rows = centred / size[:, None]
    return (rows @ rows.T).clamp(-1.0, 1.0).fill_diagonal_(1.0)


def feature_spreads(table: FeatureTable) -> tuple[FeatureSpread, ...]:
    """Each name's recurrence (Clopper-Pearson), mean, spread and agreement (jackknife-t)."""
    return tuple(_spread(name, table.values[:, n]) for n, name in enumerate(table.names))


def relative_spread(values: Float[Tensor, "seed"]) -> Interval:
    """sd / mean |value| over seeds, 0 or more; undefined where all are 0 or below two seeds."""
    if len(values) < 2:
        return undefined(math.nan, "one seed has no spread")
    if not bool(values.any()):
        return undefined(math.nan, "all values are 0")
    if len(values) == 2:
        return undefined(_spread_of(values), "two seeds are one pair")
    return jackknife(lambda kept: _spread_of(values[kept]), len(values)).clipped(0.0, math.inf)


def _spread(name: str, column: Float[Tensor, "seed"]) -> FeatureSpread:
    given = column[~column.isnan()]
    return FeatureSpread(
        name,
        len(given),
        clopper_pearson(len(given), len(column)),
        mean_interval(given),
        relative_spread(given),
        pair_interval(agreement(given[:, None])).clipped(0.0, 1.0),
    )


def _spread_of(values: Float[Tensor, "seed"]) -> float:
    size = float(values.abs().mean())
    return float(values.std()) / size if size else math.nan
