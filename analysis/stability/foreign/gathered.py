"""One tensor a seed -> what can be compared, else which seed or input is at fault."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

PIECE = 8192  # rows looked at at once, so that a memory-mapped file need not fit in memory

Rows = Float[Tensor, "input feature"]


@dataclass(frozen=True)
class Seed:
    """What the files of one seed hold: weights by name, recorded arrays by name."""

    name: str
    diverged: bool
    weights: Mapping[str, Tensor]
    arrays: Mapping[str, Tensor]


def rows_by_site(
    seeds: Sequence[Seed], sites: Sequence[str]
) -> tuple[dict[str, tuple[Tensor, ...]], dict[str, str]]:
    """Each site's [input, feature] of every seed, and for a site that can't be compared, why.

    Every axis but the last is made one. A diverged seed's place holds an empty tensor.
    """
    found: dict[str, tuple[Tensor, ...]] = {}
    faults: dict[str, str] = {}
    for site in sites:
        reason = _missing(seeds, site)
        rows = () if reason else tuple(_rows(seed, site) for seed in seeds)
        reason = reason or _uneven(seeds, rows) or _not_finite(seeds, rows)
        if reason:
            faults[site] = reason
        else:
            found[site] = rows
    return found, faults


def constant_features(names: Sequence[str], rows: Sequence[Tensor]) -> str:
    """Which seeds have features that are the same at every input, in words; "" where none has."""
    counts = {name: int(_constant(each).sum()) for name, each in zip(names, rows, strict=True)}
    widths = {name: each.shape[1] for name, each in zip(names, rows, strict=True)}
    return ", ".join(f"seed {n}: {c} of {widths[n]}" for n, c in counts.items() if c)


def unlike_weights(seeds: Sequence[Seed]) -> str:
    """The first parameter that two seeds do not share in name and shape, in words; "" for none."""
    first, *others = seeds
    for other in others:
        for name in dict.fromkeys((*first.weights, *other.weights)):
            shapes = [
                tuple(s.weights[name].shape) if name in s.weights else None for s in (first, other)
            ]
            if shapes[0] != shapes[1]:
                has = ["none" if shape is None else str(shape) for shape in shapes]
                return f"{name}: seed {first.name} has {has[0]}, seed {other.name} {has[1]}"
    return ""


def not_finite_weights(seeds: Sequence[Seed]) -> str:
    """The first parameter that holds a NaN or an infinity, in words; "" for none."""
    for seed in seeds:
        for name, tensor in seed.weights.items():
            bad = int((~tensor.isfinite()).sum())
            if bad:
                return f"{name} of seed {seed.name} holds {bad} numbers that are not finite"
    return ""


def _missing(seeds: Sequence[Seed], site: str) -> str:
    for seed in seeds:
        if seed.diverged:
            continue
        if site not in seed.arrays:
            return f"seed {seed.name} has none"
        shape = tuple(seed.arrays[site].shape)
        if len(shape) < 2 or 0 in shape:
            return f"seed {seed.name}: wanted [input, feature], got shape {shape}"
    return ""


def _rows(seed: Seed, site: str) -> Rows:
    if seed.diverged:
        return torch.empty(0, 0)
    rows = seed.arrays[site].flatten(0, -2)
    return rows if rows.is_floating_point() else rows.float()


def _uneven(seeds: Sequence[Seed], rows: Sequence[Tensor]) -> str:
    counts = {s.name: len(r) for s, r in zip(seeds, rows, strict=True) if not s.diverged}
    if len(set(counts.values())) < 2:
        return ""
    (first, count), *others = counts.items()
    name, other = next((n, c) for n, c in others if c != count)
    return (
        f"seed {first} has {count} inputs, seed {name} {other}; seeds are compared on the same ones"
    )


def _not_finite(seeds: Sequence[Seed], rows: Sequence[Tensor]) -> str:
    for seed, each in zip(seeds, rows, strict=True):
        if all(bool(piece.sum().isfinite()) for piece in each.split(PIECE)):
            continue
        bad = torch.cat([~p.isfinite().all(1) for p in each.split(PIECE)]).nonzero().flatten()
        if len(bad):  # sums of finite numbers may be infinite
            more = f" and at {len(bad) - 1} more" if len(bad) > 1 else ""
            return (
                f"seed {seed.name} holds NaN or infinity at input {int(bad[0])}{more};"
                " a run that failed is named in diverged.json"
            )
    return ""


def _constant(rows: Rows) -> Bool[Tensor, "feature"]:
    constant = torch.full((rows.shape[1],), len(rows) > 1)
    for piece in rows.split(PIECE):
        # What has varied once is not looked at again: mostly all of it after the first piece.
        left = constant.nonzero().flatten()
        if not len(left):
            break
        constant[left] = (piece[:, left] == rows[0, left]).all(0)
    return constant
