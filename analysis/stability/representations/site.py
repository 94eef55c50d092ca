"""What can be compared at one site: the seeds that vary there, and the nulls that go with them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.stability.material import Material
from analysis.stability.representations.distinct import distinct_inputs
from analysis.stability.representations.given import first_bad_input, is_constant
from interpretable_arch.maths.spread import evenly

Rows = tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class Site:
    """Seeds of one site with [input, feature] each, and those of the nulls, () where none.

    seeds      numbers of the seeds in `trained`
    untrained  the same seeds before their first step, those of them that vary
    shuffled   seeds trained on answers dealt anew
    """

    seeds: tuple[int, ...]
    trained: Rows
    untrained: Rows = ()
    shuffled: Rows = ()

    @property
    def inputs(self) -> int:
        """On how many inputs the seeds are compared."""
        return len(self.trained[0])

    @property
    def width(self) -> int:
        """Features of the widest seed, nulls included."""
        return max(x.shape[1] for x in (*self.trained, *self.untrained, *self.shuffled))

    def on_inputs(self, most: int) -> "Site":
        """The same at no more than `most` evenly spread inputs."""
        if self.inputs <= most:
            return self
        return self._each(lambda x: x[evenly(len(x), most).to(x.device)])

    def on_distinct_inputs(self) -> "Site":
        """The same at inputs that some trained seed tells apart, one of each group."""
        kept = distinct_inputs(self.trained)
        if len(kept) == self.inputs:
            return self
        return self._each(lambda x: x[kept.to(x.device)])

    def leading(self, most: int) -> "Site":
        """The same in each seed's `most` leading principal components, where it has more."""
        return self._each(lambda x: _leading(x, most)) if self.width > most else self

    def fewer(self, most: int) -> "Site":
        """The first `most` seeds, of each null too."""
        first = (self.trained[:most], self.untrained[:most], self.shuffled[:most])
        return Site(self.seeds[:most], *first)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Site":
        kinds = ("trained", "untrained", "shuffled")
        return replace(self, **{kind: tuple(map(change, getattr(self, kind))) for kind in kinds})


def gather(material: Material, name: str) -> tuple[Site | None, tuple[str, ...]]:
    """What may be compared at this site, None where nothing is left, and what was left out."""
    given = material.representations[name]
    if len(given) != len(material.names):
        return None, (f"wanted one a seed, {len(material.names)}, got {len(given)}",)
    reasons = {seed: _unfit(given[seed]) for seed in material.kept}
    seeds = tuple(seed for seed in material.kept if reasons[seed] is None)
    notes = [f"{material.names[s]} left out: {reason}" for s, reason in reasons.items() if reason]
    if not seeds:
        return None, (*notes, "no seed to compare")
    lengths = {len(given[seed]) for seed in seeds}
    if len(lengths) > 1:
        return None, (*notes, f"wanted the same inputs of every seed, got {sorted(lengths)}")
    nulls: dict[str, Rows] = {}
    for kind, null, only in (
        ("untrained", material.untrained, seeds),
        ("shuffled", material.shuffled, None),
    ):
        nulls[kind], left_out = _of_null(null, name, only, lengths)
        notes += [f"null of {kind} models: {reason}" for reason in left_out]
    return Site(seeds, tuple(given[seed] for seed in seeds), **nulls), tuple(notes)


def _of_null(
    null: Material | None, name: str, only: Sequence[int] | None, lengths: set[int]
) -> tuple[Rows, list[str]]:
    """The null's seeds at this site that may be compared, of `only` these seeds if given."""
    if null is None:
        return (), []
    given = null.representations.get(name)
    if given is None:
        return (), ["none given here"]
    places = [s for s in null.kept if s < len(given) and (only is None or s in only)]
    reasons = {s: _unfit(given[s]) for s in places}
    reasons |= {s: "other inputs" for s in places if len(given[s]) not in lengths}
    found = tuple(given[s] for s in places if reasons[s] is None)
    return found, [f"seed {s} left out: {reason}" for s, reason in reasons.items() if reason]


def _unfit(x: Float[Tensor, "input feature"]) -> str | None:
    """Why this seed has nothing to compare; None if it has."""
    bad = first_bad_input(x)
    if bad is not None:
        return f"numbers that are not finite, first at input {bad}"
    return "the same for every input" if is_constant(x) else None


def _leading(x: Float[Tensor, "input feature"], most: int) -> Float[Tensor, "input component"]:
    centred = x.double() - x.double().mean(0)
    # By the smaller Gram: squares of singular values are enough to choose directions by.
    if x.shape[0] < x.shape[1]:
        value, vector = torch.linalg.eigh(centred @ centred.T)
        return vector[:, -most:] * value[-most:].clamp(min=0.0).sqrt()
    return centred @ torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -most:]
