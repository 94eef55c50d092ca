"""Reading a sparse mixture inside a language model: who calls an expert, and what it then says.

Per expert: the tokens that call it and the contexts that call it hardest; what it writes, as the
mean of its part of the layer over tokens that call it, through the unembedding (before the final
norm's scale); and the rise of the held-out loss when it is ablated, a *total* effect: everything
downstream is recomputed. Per layer: load, routing entropy, dead experts, dropped tokens.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from analysis.exhibits import Heatmap, Table
from analysis.reading.expert_calls import Calls, calls
from analysis.reading.finding import Finding
from interpretable_arch.edits import Edit, edited
from interpretable_arch.maths.spread import evenly
from training.data.task import Task
from training.evaluation import fixed_indices
from training.objective import Measure

TOKENS = 32768  # enough that the load of 8 experts is known to about 2%
SHOWN = 16  # experts per layer, the most called first
ROWS = 64  # calls over which an expert's writing is averaged
COLUMNS = ("expert", "share of calls", "tokens that call it", "contexts", "raises", "lowers")
RISE = "rise of the loss when ablated"
UNITS = ("expert", "code")


def read_experts(model: nn.Module, task: Task) -> Finding | None:
    """Every sparse layer of a model that reads tokens and names them in `task.labels`."""
    inputs, _ = task.held_out.take(fixed_indices(task.held_out, 1))
    named = task.dimensions.get("vocab") == len(task.labels)
    if inputs.dim() != 2 or inputs.is_floating_point() or not named:
        return None
    windows = max(1, TOKENS // inputs.shape[1])
    pieces = [
        task.held_out.take(i)[0] for i in fixed_indices(task.held_out, windows)[:windows].split(64)
    ]
    found = calls(model, pieces)
    if not found:
        return None
    tokens = torch.cat(pieces)
    rises = {name: _rises(model, task, name, c) for name, c in found.items()}
    figures = {f"{n}: {k}": v for n, c in found.items() for k, v in c.figures().items()}
    if uneven := [c.spread["load imbalance"] for c in found.values() if c.spread]:
        figures["largest load imbalance"] = max(uneven)
    for name, rise in rises.items():
        if rise:
            figures[f"{name}: largest rise of the loss"] = max(rise.values())
    exhibits = [
        shown
        for name, c in found.items()
        for shown in (
            _table(model, task, name, c, tokens, rises[name]),
            _heatmap(task, name, c, tokens),
        )
    ]
    return Finding("Experts", figures, tuple(exhibits), _notes(task, tokens))


def _notes(task: Task, tokens: Tensor) -> tuple[str, ...]:
    return (
        f"Calls counted on {tokens.numel()} held-out tokens, losses on {task.probe.targets.numel()}"
        f" in {task.unit}; at most {SHOWN} experts of a layer are shown, the most called.",
        "Load imbalance is max/mean - 1 of calls; entropies in nats.",
    )


def _most_called(c: Calls) -> list[int]:
    return c.counts().argsort(descending=True, stable=True)[:SHOWN].tolist()


def _unit(layer: Any) -> str:
    """What the layer's sites call an expert."""
    sites = layer.sites()
    return next((u for u in UNITS if f"{u}.0" in sites), UNITS[0])


def _rises(model: Any, task: Task, name: str, c: Calls) -> dict[int, float]:
    """By expert, the held-out loss without it less that of the whole model, where it is a site."""
    parts = _parts(model, name)
    whole, rises = _loss(model, task), {}
    for e in _most_called(c):
        if e in parts:
            with edited(model, Edit.ablate(parts[e])):
                rises[e] = _loss(model, task) - whole
    return rises


def _parts(model: Any, name: str) -> dict[int, str]:
    """What the model calls each expert of the layer: a layer around it may leave its name out."""
    layer, whole = model.get_submodule(name), model.sites() if hasattr(model, "sites") else {}
    names = {site: part for part, site in whole.items()}
    own = {e: layer.sites().get(f"{_unit(layer)}.{e}") for e in range(layer.experts)}
    sites = {e: replace(s, hook=f"{name}.{s.hook}") for e, s in own.items() if s is not None}
    return {e: names[site] for e, site in sites.items() if site in names}


def _loss(model: nn.Module, task: Task) -> float:
    return float(Measure(model)(task.probe.inputs, task.probe.targets)[0])


def _table(
    model: Any, task: Task, name: str, c: Calls, tokens: Tensor, rises: Mapping[int, float]
) -> Table:
    share, layer = c.counts() / c.counts().sum().clamp_min(1), model.get_submodule(name)
    rows = []
    for e in _most_called(c):
        gate = c.of(e)
        raised, lowered = _words(model, task, written(layer, c, e))
        callers = _callers(task, gate, tokens)
        contexts = " | ".join(_contexts(task, gate, tokens))
        rise = rises.get(e, "")
        rows.append(
            (f"{_unit(layer)}.{e}", float(share[e]), callers, contexts, raised, lowered, rise)
        )
    return Table(name, (*COLUMNS, f"{RISE} ({task.unit})"), tuple(rows))


def written(layer: Any, c: Calls, expert: int) -> Float[Tensor, " d_model"] | None:
    """The mean of what the expert adds to the layer's output, over some tokens that call it."""
    at = c.of(expert).nonzero().squeeze(1)
    if not len(at):
        return None
    part = layer.decompose(c.x[at[evenly(len(at), ROWS)]])[f"{_unit(layer)}.{expert}"]
    return part.value().mean(0)


def _words(model: Any, task: Task, vector: Tensor | None, most: int = 6) -> tuple[str, str]:
    """The tokens that the vector raises and lowers most, against the mean of all."""
    if vector is None or not hasattr(model, "unembedding"):
        return "", ""
    order = (vector @ model.unembedding()).argsort(descending=True).tolist()
    names = [repr(task.labels[t]) for t in order]
    return " ".join(names[:most]), " ".join(names[::-1][:most])


def _callers(task: Task, gate: Tensor, tokens: Tensor, most: int = 6) -> str:
    """The tokens that call most above what their frequency explains, with how often they do."""
    size = task.dimensions["vocab"]
    seen = torch.bincount(tokens.flatten(), minlength=size).double()
    called = torch.bincount(tokens.flatten()[gate != 0], minlength=size).double()
    excess = called - seen * called.sum() / seen.sum()
    best = excess.argsort(descending=True)[:most].tolist()
    return " ".join(
        f"{task.labels[t]!r} {float(called[t] / seen[t]):.0%}" for t in best if excess[t] > 0
    )


def _contexts(task: Task, gate: Tensor, tokens: Tensor, most: int = 3) -> list[str]:
    """The tokens with the largest gates, each in brackets after what comes before it."""
    length = tokens.shape[1]
    spaced = " " in task.labels  # tokens of words leave spaces out
    texts: list[str] = []
    for place in gate.argsort(descending=True, stable=True)[: 8 * most].tolist():
        row, column = divmod(place, length)
        before = tokens[row, max(0, column - (24 if spaced else 8)) : column].tolist()
        words = [*(task.labels[t] for t in before), f"[{task.labels[int(tokens[row, column])]}]"]
        text = ("" if spaced else " ").join(words).replace("\n", "⏎")
        if gate[place] != 0 and text not in texts:
            texts.append(text)
    return texts[:most]


def _heatmap(
    task: Task, name: str, c: Calls, tokens: Shaped[Tensor, "window position"], most: int = 24
) -> Heatmap:
    """How often the commonest tokens call each shown expert, in [0, 1]."""
    flat, experts = tokens.flatten(), _most_called(c)
    common = torch.bincount(flat, minlength=task.dimensions["vocab"]).argsort(descending=True)
    common = [t for t in common[:most].tolist() if bool((flat == t).any())]
    called = torch.stack([c.of(e) != 0 for e in experts], -1).double()
    values = tuple(tuple(called[flat == t].mean(0).tolist()) for t in common)
    labels = tuple(repr(task.labels[t]) for t in common)
    title = f"{name}: share of a token's occurrences that call the expert"
    return Heatmap(title, labels, tuple(str(e) for e in experts), values, signed=False)
