"""Any torch modules and the inputs they are compared on -> the material of every level.

Nothing is asked of a model but `forward`. What it offers besides is used: `representation`, hook
points, `activations`, `dictionaries`, `symmetry`, `interpretation` (see `sites`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from analysis.stability.choices import as_choices
from analysis.stability.material import Material
from analysis.stability.sites import PIECE, activations, representations
from analysis.stability.weights.evaluation import Evaluation, evaluation
from interpretable_arch.interpretation import Interpretation
from interpretable_arch.symmetry import Symmetry, weights


def collect(
    models: Sequence[nn.Module],
    inputs: Shaped[Tensor, "example *shape"],
    *,
    targets: Shaped[Tensor, "example *answer"] | None = None,
    names: Sequence[str] | None = None,
    architectures: Sequence[str] | None = None,
    diverged: Sequence[bool] | None = None,
    sites: Sequence[str] = (),
) -> Material:
    """Run every model on the inputs and gather what each level compares.

    Models are put in evaluation mode while they run; a diverged one is not run at all. Raises
    ValueError for no models, for lists of another length than the models, and for a model that
    can't take the inputs, by its name.
    """
    count = len(models)
    if not count:
        raise ValueError("models: wanted at least one, got none")
    named = tuple(names) if names is not None else tuple(f"model {n}" for n in range(count))
    kinds = tuple(architectures) if architectures is not None else _kinds(models)
    flags = tuple(diverged) if diverged is not None else (False,) * count
    for label, given in (("names", named), ("architectures", kinds), ("diverged", flags)):
        if len(given) != count:
            raise ValueError(f"{label}: wanted one a model, {count}, got {len(given)}")
    kept = [n for n in range(count) if not flags[n]]
    material = Material(names=named, architectures=kinds, diverged=flags)
    if not kept:
        return replace(material, absent={"everything": "all models diverged"})
    with torch.no_grad():
        found = {n: _looked_into(models[n], named[n], inputs, sites) for n in kept}
    outputs, absent = _outputs({n: f[0] for n, f in found.items()}, targets, count)
    asked = None if targets is None or targets.is_floating_point() else targets.flatten()
    seen = {n: f[1] for n, f in found.items()}
    units = {n: f[2] for n, f in found.items()}
    dictionaries = {n: _offered(models[n], "dictionaries") or {} for n in kept}
    return replace(
        material,
        outputs=outputs,
        targets=asked,
        representations=_by_site(seen, count),
        activations=_by_site(units, count),
        dictionaries=_by_site(dictionaries, count),
        parameters=tuple(weights(model) for model in models),
        symmetries=_symmetries(models, absent),
        evaluation=_evaluation(models, kept[0], inputs, targets, kinds),
        interpretations=tuple(
            None if flag else _interpretation(model)
            for model, flag in zip(models, flags, strict=True)
        ),
        absent=absent,
    )


def _kinds(models: Sequence[nn.Module]) -> tuple[str, ...]:
    """The class of each model, told apart by the shapes of its weights where classes are alike."""
    shapes = [tuple(sorted((k, tuple(v.shape)) for k, v in weights(m).items())) for m in models]
    names = [type(model).__name__ for model in models]
    kinds = []
    for name, shape in zip(names, shapes, strict=True):
        alike = list(dict.fromkeys(s for n, s in zip(names, shapes, strict=True) if n == name))
        kinds.append(name if len(alike) == 1 else f"{name} {alike.index(shape) + 1}")
    return tuple(kinds)


def _looked_into(
    model: nn.Module, name: str, inputs: Tensor, sites: Sequence[str]
) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """Outputs, representations and activations, the model left in the mode it was in."""
    mode = model.training
    model.eval()
    try:
        outputs = torch.cat([model(piece) for piece in inputs.split(PIECE)])
        return outputs, representations(model, inputs, sites), activations(model, inputs)
    except (RuntimeError, IndexError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{name}: can't be run on these inputs ({reason})") from error
    finally:
        model.train(mode)


def _outputs(
    found: Mapping[int, Tensor], targets: Tensor | None, count: int
) -> tuple[Tensor | None, dict[str, str]]:
    shapes = {tuple(value.shape) for value in found.values()}
    if len(shapes) > 1:
        return None, {"outputs": f"the models' outputs have different shapes, {sorted(shapes)}"}
    shape = shapes.pop()
    if len(shape) < 2 or (shape[-1] < 2 and (targets is None or not targets.is_floating_point())):
        return None, {"outputs": f"outputs of shape {shape} are no choices; give `targets` values"}
    rows = {n: as_choices(value, targets) for n, value in found.items()}
    blank = torch.full_like(next(iter(rows.values())), torch.nan)
    return torch.stack([rows.get(n, blank) for n in range(count)]), {}


def _by_site(
    found: Mapping[int, Mapping[str, Tensor]], count: int
) -> dict[str, tuple[Tensor, ...]]:
    """Sites that every model has; a diverged model's place holds an empty tensor."""
    first, *rest = found.values()
    shared = [site for site in first if all(site in other for other in rest)]
    empty = torch.empty(0, 0)
    return {
        site: tuple(found[n][site] if n in found else empty for n in range(count))
        for site in shared
    }


def _symmetries(models: Sequence[nn.Module], absent: dict[str, str]) -> tuple[Symmetry, ...]:
    offered = tuple(_offered(model, "symmetry") for model in models)
    if all(symmetry is not None for symmetry in offered):
        return tuple(symmetry for symmetry in offered if symmetry is not None)
    absent["weights"] = "the models declare no `symmetry()`, so weights can't be compared modulo it"
    return ()


def _evaluation(
    models: Sequence[nn.Module],
    first: int,
    inputs: Tensor,
    targets: Tensor | None,
    kinds: Sequence[str],
) -> Evaluation | None:
    """What weights between models answer; None without right answers, or of many architectures."""
    if targets is None or targets.is_floating_point() or len(set(kinds)) > 1:
        return None
    return evaluation(models[first], inputs, targets)


def _interpretation(model: nn.Module) -> Interpretation | None:
    return _offered(model, "interpretation")


def _offered(model: nn.Module, question: str) -> Any:
    """What a model answers to one of the contract's questions; None where it isn't asked."""
    answer: Callable[[], Any] | None = getattr(model, question, None)
    return None if answer is None else answer()
