"""Any torch modules and the inputs they are compared on -> the material of every level.

Nothing is asked of a model but `forward`. What it offers besides is used: `representation`, hook
points, `activations`, `dictionaries`, `symmetry`, `interpretation` (see `sites`). Its answer may be
a tensor, a tuple that holds one, or something with `.logits`; inputs of real numbers are cast to
the precision of its parameters, tokens are not (see `answering`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from analysis.stability.answering import answering_tensors, in_precision_of, tensor_of
from analysis.stability.choices import as_choices, said_of_values
from analysis.stability.finite import NotFinite, check_finite
from analysis.stability.material import Material
from analysis.stability.sites import PIECE, Looked, inputs_themselves, look
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
    scale: Shaped[Tensor, "other *answer"] | None = None,
) -> Material:
    """Run every model on the inputs and gather what each level compares.

    Models are put in evaluation mode while they run; a diverged one is not run at all. `scale` are
    right values of other inputs, where there are none of these: outputs are values of their spread.
    A site that holds the inputs themselves is left out, and `absent` says so.

    Raises ValueError for no models, for lists of another length than the models, for answers that
    are not one an input, for values without a spread, and for a model that can't take the inputs or
    gives no tensor, by its name; NotFinite for one that gives NaN or infinity, with the input.
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
    scale = targets if targets is not None else scale
    scale = scale if scale is not None and scale.is_floating_point() else None
    answers = {n: f[0] for n, f in found.items()}
    outputs, absent = _outputs(answers, scale, count)
    looked = {n: f[1] for n, f in found.items()}
    seen = {n: each.representations for n, each in looked.items()}
    seen = _without_inputs(seen, models, inputs, absent)
    dictionaries = {n: _offered(models[n], "dictionaries", absent) or {} for n in kept}
    return replace(
        material,
        outputs=outputs,
        outputs_as="" if outputs is None or scale is None else said_of_values(answers[kept[0]]),
        targets=_asked(targets, outputs),
        representations=_by_site(seen, count),
        activations=_by_site({n: each.activations for n, each in looked.items()}, count),
        row_counts=looked[kept[0]].row_counts,
        dictionaries=_by_site(dictionaries, count),
        parameters=tuple(weights(model) for model in models),
        symmetries=_symmetries(models, absent),
        evaluation=_evaluation(models, kept[0], inputs, targets, kinds),
        interpretations=tuple(
            None if flag else _interpretation(model, absent)
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
) -> tuple[Tensor, Looked]:
    """Outputs and what is inside, the model left in the mode it was in."""
    mode = model.training
    model.eval()
    inputs = in_precision_of(model, inputs)
    try:
        outputs = torch.cat([tensor_of(model(piece), name) for piece in inputs.split(PIECE)])
        check_finite("output", outputs)
        return outputs, look(model, inputs, sites)
    except NotFinite as error:
        raise NotFinite(f"{name}: {error}; pass diverged=[...] to leave it out") from error
    except ValueError:
        raise
    except Exception as error:  # whatever a foreign model may raise
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ValueError(f"{name}: can't be run on these inputs ({reason})") from error
    finally:
        model.train(mode)


def _outputs(
    found: Mapping[int, Tensor], scale: Tensor | None, count: int
) -> tuple[Tensor | None, dict[str, str]]:
    shapes = {tuple(value.shape) for value in found.values()}
    if len(shapes) > 1:
        return None, {"outputs": f"the models' outputs have different shapes, {sorted(shapes)}"}
    shape = shapes.pop()
    if len(shape) < 2 or (shape[-1] < 2 and scale is None):
        return None, {"outputs": f"outputs of shape {shape} are no choices; give `targets` values"}
    if scale is not None and scale.shape[1:] != shape[1:]:
        raise ValueError(
            f"targets: values of shape {tuple(scale.shape)} for outputs of shape {shape}; wanted"
            " one for each, or numbers of classes as whole numbers"
        )
    rows = {n: as_choices(value, scale) for n, value in found.items()}
    blank = torch.full_like(next(iter(rows.values())), torch.nan)
    return torch.stack([rows.get(n, blank) for n in range(count)]), {}


def _asked(targets: Tensor | None, outputs: Tensor | None) -> Tensor | None:
    """Right answers that are numbers of classes, one an input."""
    if targets is None or targets.is_floating_point():
        return None
    if outputs is not None and targets.numel() != outputs.shape[1]:
        wanted, got = f"one an input, {outputs.shape[1]}", f"shape {tuple(targets.shape)}"
        raise ValueError(f"targets: wanted {wanted}, got {got}")
    return targets.flatten()


def _without_inputs(
    found: Mapping[int, Mapping[str, Tensor]],
    models: Sequence[nn.Module],
    inputs: Tensor,
    absent: dict[str, str],
) -> dict[int, dict[str, Tensor]]:
    """The sites that say something of the models: what they were given, all agree on."""
    given = {n: in_precision_of(models[n], inputs) for n in found}
    theirs = {site for n, seen in found.items() for site in inputs_themselves(seen, given[n])}
    if theirs:
        said = f"{', '.join(sorted(theirs))}: the inputs themselves, on which any models agree"
        absent["representations"] = said
    return {n: {k: v for k, v in seen.items() if k not in theirs} for n, seen in found.items()}


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
    offered = tuple(_offered(model, "symmetry", absent) for model in models)
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
    model = models[first]
    return evaluation(answering_tensors(model), in_precision_of(model, inputs), targets)


def _interpretation(model: nn.Module, absent: dict[str, str]) -> Interpretation | None:
    return _offered(model, "interpretation", absent)


def _offered(model: nn.Module, question: str, absent: dict[str, str]) -> Any:
    """What a model answers to one of the contract's questions; None where it isn't asked.

    A model that fails at an answer gives none, and `absent` says why.
    """
    answer: Callable[[], Any] | None = getattr(model, question, None)
    if answer is None:
        return None
    try:
        return answer()
    except Exception as error:  # whatever a foreign model may raise
        reason = " ".join(str(error).split())
        absent[f"{question}()"] = f"{type(model).__name__} failed: {type(error).__name__}: {reason}"
        return None
