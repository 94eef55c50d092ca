"""Where a model is looked into: its representations, and the activations of its units.

A representation is compared as a whole, whatever its basis; units are matched one by one. Both are
[input, feature] with every axis but the last made one, at `MOST` evenly spread rows of as many
evenly spread inputs.

representations  what `representation(inputs)` gives, and every `hook_resid_post`; of a plain module
                 the input of its last layer that holds weights
activations      what `activations(inputs)` gives by name, and every hook of `UNITS`
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from interpretable_arch.hooks import hook_points, record
from interpretable_arch.maths.spread import evenly

UNITS = ("hook_post", "hook_gates", "hook_codes")
STREAM = "hook_resid_post"
MOST, PIECE = 1024, 512

Rows = Float[Tensor, "input _"]


def representations(
    model: nn.Module, inputs: Shaped[Tensor, "example *shape"], sites: Sequence[str] = ()
) -> dict[str, Rows]:
    """Each site's [input, feature]; `sites` names submodules whose outputs are asked for besides.

    Raises ValueError for a submodule that there is none of.
    """
    inputs = inputs[evenly(len(inputs), MOST)]
    found: dict[str, Rows] = {}
    own: Callable[[Tensor], Tensor] | None = getattr(model, "representation", None)
    if own is not None:
        found["representation"] = _rows(_in_pieces(own, inputs))
    named = [name for name in hook_points(model) if name.endswith(STREAM)]
    found |= {name: _rows(value) for name, value in _recorded(model, inputs, named).items()}
    if sites:
        found |= {site: _rows(_seen(model, inputs, site, after=True)) for site in sites}
    if not found and (last := last_layer(model)) is not None:
        found[f"input of {last}"] = _rows(_seen(model, inputs, last, after=False))
    return {site: narrowed(rows) for site, rows in found.items()}


def activations(model: nn.Module, inputs: Shaped[Tensor, "example *shape"]) -> dict[str, Rows]:
    """Units of each kind as [input, feature], by the name of their hook."""
    inputs = inputs[evenly(len(inputs), MOST)]
    own: Callable[[Tensor], Mapping[str, Tensor]] | None = getattr(model, "activations", None)
    if own is not None:
        return {name: _rows(value) for name, value in own(inputs).items()}
    named = [name for name in hook_points(model) if name.split(".")[-1] in UNITS]
    return {name: _rows(value) for name, value in _recorded(model, inputs, named).items()}


def narrowed(features: Float[Tensor, "input feature"]) -> Float[Tensor, "input fewer"]:
    """Features with the same inner products, no more of them than there are inputs.

    What compares representations whole sees inner products alone, and d^2 numbers an input would
    fill the memory at fifty seeds.
    """
    if features.shape[1] <= features.shape[0]:
        return features
    return torch.linalg.qr(features.double().T, mode="r").R.T.to(features.dtype)


def last_layer(model: nn.Module) -> str | None:
    """The last submodule without children that holds weights; None where there is none."""
    leaves = [
        name
        for name, module in model.named_modules()
        if name and not list(module.children()) and list(module.parameters(recurse=False))
    ]
    return leaves[-1] if leaves else None


def _recorded(model: nn.Module, inputs: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    if not names:
        return {}
    pieces = [record(model, piece, names)[1] for piece in inputs.split(PIECE)]
    return {
        name: torch.cat([piece[name] for piece in pieces])
        for name in names
        # A hook that a fast path passed by recorded nothing.
        if all(name in piece for piece in pieces)
    }


def _seen(model: nn.Module, inputs: Tensor, site: str, *, after: bool) -> Tensor:
    modules = dict(model.named_modules())
    if site not in modules:
        raise ValueError(f"sites: wanted submodules such as {list(modules)[1:9]}, got {site!r}")
    kept: list[Tensor] = []

    def keep(_: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
        kept.append((out if after else given[0]).detach())

    handle = modules[site].register_forward_hook(keep)
    try:
        for piece in inputs.split(PIECE):
            model(piece)
    finally:
        handle.remove()
    if not kept:
        raise ValueError(f"sites: {site!r} was not used by the model on these inputs")
    return torch.cat(kept)


def _in_pieces(function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    return torch.cat([function(piece) for piece in inputs.split(PIECE)])


def _rows(values: Tensor) -> Rows:
    rows = values.detach().flatten(0, -2) if values.ndim > 1 else values.detach()[:, None]
    return rows[evenly(len(rows), MOST)]
