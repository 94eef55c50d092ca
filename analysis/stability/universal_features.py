"""Which features of one model are found in which other models, of its own architecture and others.

Feature f of model i is found in model j if its nearest feature there, by correlation of activations
on one half of the inputs, correlates with it on the other half by at least tau. Then

    universal      found in at least half of the models of other architectures
    architectural  found in at least half of the other seeds of its own, and not universal
    private        neither

Nearest rather than one to one, since architectures of other widths hold the same feature in other
numbers of units. Convergent features over networks: Li et al. 2015, arXiv:1511.07543.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analysis.stability.estimates.intervals import Interval
from analysis.stability.estimates.strata import stratified_interval

TAU = 0.7
LEAST_INPUTS = 32  # of noise, a share .0013 correlates by tau on a half of so many, .15 of 8
KINDS = ("universal", "architectural", "private")


@dataclass(frozen=True, eq=False)
class Found:
    """For each model, of each of its features: in which models it is found, [feature, model].

    A feature that is constant on either half of the inputs is found nowhere.
    """

    found: tuple[Bool[Tensor, "_ model"], ...]

    def similarity(self) -> Float[Tensor, "model model"]:
        """Mean of both shares of features that are found in the other, in [0, 1]; 1 on itself."""
        shares = torch.stack([each.double().mean(0) for each in self.found])
        return ((shares + shares.T) / 2).fill_diagonal_(1.0)


def find_features(
    activations: Sequence[Float[Tensor, "input _"]], tau: float = TAU, *, seed: int = 0
) -> Found:
    """Look for each feature of each model in all others, on random halves of the inputs.

    Costs n P^2 / 2 for P features in all, P x widest numbers at a time. Raises ValueError for fewer
    than two models or 32 inputs, other numbers of inputs, values that are not finite (which
    model, which input), and a tau outside (0, 1].
    """
    if not 0 < tau <= 1:
        raise ValueError(f"tau: wanted a number above 0 and up to 1, got {tau}")
    _check(activations)
    inputs = len(activations[0])
    order = torch.randperm(inputs, generator=torch.Generator().manual_seed(seed))
    halves = (order[: inputs // 2], order[inputs // 2 :])
    fitted, scored = ([_unit(x[half].double()) for x in activations] for half in halves)
    rows = []
    for i, mine in enumerate(fitted):
        columns = []
        for j, theirs in enumerate(fitted):
            nearest = (mine.T @ theirs).argmax(1)
            score = torch.einsum("nf,nf->f", scored[i], scored[j][:, nearest])
            columns.append(score >= tau)
        rows.append(torch.stack(columns, 1))
    return Found(tuple(rows))


def kind_shares(found: Found, architectures: Sequence[str]) -> dict[str, dict[str, Interval]]:
    """By architecture: the share of its features of each of `KINDS`, mean over its seeds.

    The intervals leave out one seed of any architecture at a time, as a model that has features and
    as one in which others are found. Raises ValueError unless there is one architecture a model,
    two different ones at least.
    """
    names = tuple(architectures)
    if len(names) != len(found.found) or len(set(names)) < 2:
        wanted = f"one a model, {len(found.found)}, two different ones at least"
        raise ValueError(f"architectures: wanted {wanted}, got {list(names)}")
    kinds = list(dict.fromkeys(names))
    codes = torch.tensor([kinds.index(name) for name in names])
    everyone = torch.arange(len(names))
    whole = _shares(found, codes, everyone)
    left_out = torch.stack([_shares(found, codes, everyone[everyone != n]) for n in everyone])
    shares: dict[str, dict[str, Interval]] = {}
    for a, kind in enumerate(kinds):
        shares[kind] = {}
        for k, name in enumerate(KINDS):
            groups = {each: left_out[codes == c, a, k] for c, each in enumerate(kinds)}
            interval = stratified_interval(float(whole[a, k]), groups)
            shares[kind][name] = interval.clipped(0.0, 1.0)
    return shares


def _shares(
    found: Found, codes: Int[Tensor, "model"], kept: Int[Tensor, "few"]
) -> Float[Tensor, "architecture kind"]:
    """NaN for an architecture of which one seed is kept, or that is alone."""
    totals = torch.zeros(int(codes.max()) + 1, len(KINDS), dtype=torch.float64)
    for i in kept.tolist():
        own = kept[(codes[kept] == codes[i]) & (kept != i)]
        others = kept[codes[kept] != codes[i]]
        if not len(own) or not len(others):
            totals[codes[i]] = math.nan
            continue
        everywhere = found.found[i][:, others].double().mean(1) >= 0.5
        at_home = (found.found[i][:, own].double().mean(1) >= 0.5) & ~everywhere
        universal, architectural = (float(x.double().mean()) for x in (everywhere, at_home))
        shares = (universal, architectural, 1 - universal - architectural)
        totals[codes[i]] += torch.tensor(shares, dtype=torch.float64)
    counts = torch.bincount(codes[kept], minlength=len(totals)).double()
    return totals / counts[:, None]


def _unit(x: Float[Tensor, "input feature"]) -> Float[Tensor, "input feature"]:
    """Columns centred and of length 1; constant ones are zeros."""
    centred = x - x.mean(0)
    size = centred.norm(dim=0)
    flat = size <= 1e-9 * (1e-300 + x.abs().amax(0)) * math.sqrt(len(x))
    return torch.where(flat, 0.0, centred / torch.where(flat, 1.0, size))


def _check(activations: Sequence[Tensor]) -> None:
    if len(activations) < 2:
        raise ValueError(f"activations: wanted two models or more, got {len(activations)}")
    inputs = {len(each) for each in activations}
    if len(inputs) > 1 or min(inputs) < LEAST_INPUTS:
        wanted = f"the same inputs of every model, {LEAST_INPUTS} or more"
        raise ValueError(f"activations: wanted {wanted}, got {sorted(inputs)}")
    for model, each in enumerate(activations):
        bad = (~each.isfinite()).any(1).nonzero().flatten()
        if len(bad):
            raise ValueError(
                f"activations: wanted finite numbers, got others from model {model}"
                f" at input {int(bad[0])}"
            )
