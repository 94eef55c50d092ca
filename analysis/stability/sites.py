"""Where a model is looked into: its representations, and the activations of its units.

A representation is compared as a whole, whatever its basis; units are matched one by one. Both are
[input, feature] with every axis but the last made one, at `MOST` evenly spread rows of as many
evenly spread inputs.

representations  what `representation(inputs)` gives, and every `hook_resid_post`; of a plain module
                 the input of its last layer that holds weights
activations      what `activations(inputs)` gives by name, and every hook of `UNITS`

Numbers that are not finite are refused with their site and the first such input (`NotFinite`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from analysis.stability.answering import tensor_of, widened
from analysis.stability.finite import NotFinite, not_finite
from interpretable_arch.hooks import hook_points, record
from interpretable_arch.maths.spread import evenly

UNITS = ("hook_post", "hook_gates", "hook_codes")
STREAM = "hook_resid_post"
MOST, PIECE = 1024, 512

Rows = Float[Tensor, "input _"]


@dataclass(frozen=True, eq=False)
class Looked:
    """What was seen in a model, and how many rows each site had before they were thinned."""

    representations: dict[str, Rows]
    activations: dict[str, Rows]
    row_counts: dict[str, int]


def representations(
    model: nn.Module, inputs: Shaped[Tensor, "example *shape"], sites: Sequence[str] = ()
) -> dict[str, Rows]:
    """Each site's [input, feature]; `sites` names submodules whose outputs are asked for besides.

    Raises ValueError for a submodule that there is none of, or that the model does not use, and
    NotFinite for NaN or infinity.
    """
    return look(model, inputs, sites).representations


def activations(model: nn.Module, inputs: Shaped[Tensor, "example *shape"]) -> dict[str, Rows]:
    """Units of each kind as [input, feature], by the name of their hook.

    An input is an answer of the model's: what a hook holds beyond it (experts, positions that are
    answered as one) counts as features. Raises NotFinite for NaN or infinity.
    """
    return look(model, inputs).activations


def look(
    model: nn.Module, inputs: Shaped[Tensor, "example *shape"], sites: Sequence[str] = ()
) -> Looked:
    """Both at once, and how many rows each site had. Raises as they do."""
    chosen = evenly(len(inputs), MOST)
    few, part = inputs[chosen], len(inputs) / len(chosen)
    seen, units = _seen_whole(model, few, sites), _units(model, few)
    counts = {site: round(_count(values) * part) for site, values in (seen | units).items()}
    return Looked(
        {site: narrowed(_rows(values, site, chosen)) for site, values in seen.items()},
        {site: _rows(values, site, chosen) for site, values in units.items()},
        counts,
    )


def _seen_whole(model: nn.Module, inputs: Tensor, sites: Sequence[str]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    own: Callable[[Tensor], Tensor] | None = getattr(model, "representation", None)
    if own is not None:
        found["representation"] = _in_pieces(own, inputs)
    named = [name for name in hook_points(model) if name.endswith(STREAM)]
    found |= _recorded(model, inputs, named)
    for site in sites:
        seen = _seen(model, inputs, site, after=True)
        if seen is None:
            raise ValueError(f"sites: {site!r} was not used by the model on these inputs")
        found[site] = seen
    if not found and (last := last_layer(model)) is not None:
        seen = _seen(model, inputs, last, after=False)
        found |= {} if seen is None else {f"input of {last}": seen}
    return found


def _units(model: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
    own: Callable[[Tensor], Mapping[str, Tensor]] | None = getattr(model, "activations", None)
    if own is not None:
        return dict(own(inputs))
    return _recorded(
        model, inputs, [name for name in hook_points(model) if name.split(".")[-1] in UNITS]
    )


def inputs_themselves(
    found: Mapping[str, Rows], inputs: Shaped[Tensor, "example *shape"]
) -> tuple[str, ...]:
    """The sites of `representations` that hold what the model was given, flattened or not.

    Any two models agree there, whatever they learned.
    """
    chosen = evenly(len(inputs), MOST)
    inputs = inputs[chosen]
    if not inputs.is_floating_point() or not bool(inputs.isfinite().all()):
        return ()
    given = [_rows(each, "input", chosen) for each in (inputs, inputs.reshape(len(inputs), -1))]
    return tuple(site for site, rows in found.items() if any(_alike(rows, each) for each in given))


def _alike(rows: Rows, given: Float[Tensor, "row _"]) -> bool:
    if len(rows) != len(given) or rows.shape[1] != min(given.shape):
        return False
    return torch.equal(rows, narrowed(given).to(rows.dtype))


def narrowed(features: Float[Tensor, "input feature"]) -> Float[Tensor, "input fewer"]:
    """Features with the same inner products, no more of them than there are inputs.

    What compares representations whole sees inner products alone, and d^2 numbers an input would
    fill the memory at fifty seeds.
    """
    if features.shape[1] <= features.shape[0]:
        return features
    found = torch.linalg.qr(features.double().T, mode="r").R.T
    # Inputs that are all alike leave rounding where there is nothing, a feature of its own.
    least = max(features.shape) * torch.finfo(found.dtype).eps * found.abs().max()
    return found.masked_fill(found.abs() <= least, 0.0).to(features.dtype)


def last_layer(model: nn.Module) -> str | None:
    """The last submodule without children that holds weights; None where there is none."""
    leaves = [
        name
        for name, module in model.named_modules()
        if name and not list(module.children()) and list(module.parameters(recurse=False))
    ]
    return leaves[-1] if leaves else None


def _recorded(model: nn.Module, inputs: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    """Each named hook's values, [*answer, feature]: one row for each answer of the model."""
    if not names:
        return {}
    found = [record(model, piece, names) for piece in inputs.split(PIECE)]
    pieces = [cache for _, cache in found]
    answered = [tensor_of(output, "output").shape[:-1] for output, _ in found]
    return {
        name: torch.cat(
            [_by_answer(p[name], lead) for p, lead in zip(pieces, answered, strict=True)]
        )
        for name in names
        # A hook that a fast path passed by recorded nothing.
        if all(name in piece for piece in pieces)
    }


def _by_answer(values: Tensor, answered: Sequence[int]) -> Tensor:
    """What a hook holds beyond the axes of the model's answers, as one axis of features."""
    shared = 0
    while shared < min(len(answered), values.ndim) and values.shape[shared] == answered[shared]:
        shared += 1
    return values.flatten(shared) if 0 < shared < values.ndim - 1 else values


def _seen(model: nn.Module, inputs: Tensor, site: str, *, after: bool) -> Tensor | None:
    """What a submodule gave, or was given; None where it was not called, or not with a tensor."""
    modules = dict(model.named_modules())
    if site not in modules:
        raise ValueError(f"sites: wanted submodules such as {list(modules)[1:9]}, got {site!r}")
    kept: list[Tensor] = []

    def keep(_: nn.Module, given: tuple[Any, ...], out: Any) -> None:
        if after:
            kept.append(tensor_of(out, f"sites: {site}").detach())
        elif given and isinstance(given[0], Tensor):
            kept.append(given[0].detach())

    handle = modules[site].register_forward_hook(keep)
    try:
        for piece in inputs.split(PIECE):
            model(piece)
    finally:
        handle.remove()
    return torch.cat(kept) if kept else None


def _in_pieces(function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    return torch.cat([function(piece) for piece in inputs.split(PIECE)])


def _count(values: Tensor) -> int:
    """Rows of a site's values: all axes but the last."""
    return values.shape[:-1].numel() if values.ndim > 1 else len(values)


def _rows(values: Tensor, of: str, chosen: Int[Tensor, " example"]) -> Rows:
    """At most `MOST` rows; `chosen` numbers the examples that all of them are of, in order."""
    rows = values.detach().flatten(0, -2) if values.ndim > 1 else values.detach()[:, None]
    places = evenly(len(rows), MOST)
    bad = not_finite(rows[places]).nonzero()
    if len(bad):
        example = int(places[int(bad[0])]) * len(chosen) // len(rows)
        raise NotFinite(f"{of} is not finite at input {int(chosen[example])}")
    return widened(rows[places])
