"""Path expansion of an attention-only model to order 2 (Elhage et al. 2021,
transformer-circuits.pub/2021/framework): the direct path, each head, each pair of heads in
different layers. The sum is exact given the patterns; who composes with whom names the heads:

    previous-token head  attends to the token before with a mean of at least PREVIOUS
    induction head       prefix matching of at least PREFIX, and of all its compositions (query,
                         key, value, with every earlier head) the largest is by its key with a
                         previous-token head

That the name says something is tested by cutting: what the previous-token heads wrote is taken
out of the keys of all later heads, and prefix matching is measured again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analysis.exhibits import Heatmap, Table
from analysis.reading.circuits.composition import Composition, compositions
from analysis.reading.circuits.induction import (
    Repeats,
    fresh_repeats,
    head_patterns,
    prefix_matching,
    previous_token,
)
from analysis.reading.finding import Finding
from interpretable_arch.decomposition import Decomposition
from interpretable_arch.hooks import overridden
from interpretable_arch.interpretation import Graph
from interpretable_arch.models.attention_only import AttentionOnly, copying_by_head
from interpretable_arch.readings.circuit_graph import circuit_graph
from interpretable_arch.symmetry import weights
from training.data.task import Task

PREVIOUS, PREFIX = 0.5, 0.4
MOST_PATHS = 24
KEY = "composition by key, above random"


@dataclass(frozen=True)
class NamedHeads:
    """The heads that meet the criteria, by name."""

    previous: tuple[str, ...]
    induction: tuple[str, ...]


def name_heads(
    previous: Mapping[str, float], prefix: Mapping[str, float], composed: Sequence[Composition]
) -> NamedHeads:
    """Heads by the criteria of this file, from scores by name and all compositions."""
    before = tuple(n for n, score in previous.items() if score >= PREVIOUS)
    found = []
    for name in (n for n, score in prefix.items() if score >= PREFIX):
        largest = largest_composition(name, composed)
        if largest is not None and largest.kind == "key" and largest.first in before:
            found.append(name)
    return NamedHeads(before, tuple(found))


def largest_composition(name: str, composed: Sequence[Composition]) -> Composition | None:
    """With which earlier head, and how, this head composes most; None in the first layer."""
    mine = [c for c in composed if c.second == name]
    return max(mine, key=lambda c: c.score) if mine else None


def prefix_matching_cut(
    model: AttentionOnly, repeats: Repeats, cut: Sequence[str]
) -> dict[str, float]:
    """Prefix matching of every head when no later key holds what the heads `cut` wrote."""
    parts = model.decompose(repeats.tokens)
    hooks = {}
    for layer, block in enumerate(model.blocks):
        earlier = [name for name in cut if int(name.split(".")[1]) < layer]
        if not earlier:
            continue
        written = sum(parts[name].coefficient for name in earlier)
        gone = torch.einsum("...d,dhk->...hk", written, block.get_parameter("attn.W_K"))
        hooks[f"blocks.{layer}.attn.hook_k"] = lambda keys, gone=gone: keys - gone
    with overridden(model, hooks):
        patterns = head_patterns(model, repeats.tokens)
    return {name: prefix_matching(p, repeats) for name, p in patterns.items()}


def path_effects(parts: Decomposition, repeats: Repeats) -> list[tuple[str, float, float]]:
    """(path, what it adds to the right logit above the mean logit, what the loss grows by without
    it), mean over second copies, patterns held; in falling order of the last, nats."""
    counted, answers = repeats.second_copy()[:, :-1], repeats.tokens[:, 1:]
    total = parts.total()[:, :-1]

    def mean(values: Tensor) -> float:
        return float((values * counted).sum() / counted.sum())

    def right(logits: Tensor) -> Tensor:
        return logits.gather(-1, answers[..., None]).squeeze(-1)

    loss = -right(total.log_softmax(-1))
    rows = []
    for part in parts.components:
        value = part.value()[:, :-1]
        without = -right((total - value).log_softmax(-1))
        rows.append((part.name, mean(right(value) - value.mean(-1)), mean(without - loss)))
    return sorted(rows, key=lambda row: -row[2])


def read_paths(model: nn.Module, task: Task) -> Finding | None:
    """Paths, compositions and named heads, on fresh repeats; None for another kind of model."""
    repeats = fresh_repeats(task)
    if not isinstance(model, AttentionOnly) or repeats is None:
        return None
    c, parameters = model.config, weights(model)
    patterns = head_patterns(model, repeats.tokens)
    prefix = {name: prefix_matching(p, repeats) for name, p in patterns.items()}
    previous = {name: previous_token(p) for name, p in patterns.items()}
    composed = compositions(parameters, c.layers, c.context)
    named = name_heads(previous, prefix, composed)
    cut = prefix_matching_cut(model, repeats, named.previous)
    others = [name for name in prefix if name not in named.previous]
    control = prefix_matching_cut(model, repeats, others)
    parts = model.paths(repeats.tokens)
    effects = path_effects(parts, repeats)
    figures = {
        "sum of paths, relative error": parts.relative_error(model(repeats.tokens)),
        "previous-token heads": float(len(named.previous)),
        "induction heads": float(len(named.induction)),
        "max prefix matching": max(prefix.values()),
    }
    if named.previous:
        figures |= {
            "max prefix matching, keys cut from previous-token heads": max(cut.values()),
            "max prefix matching, keys cut from all other heads": max(control.values()),
        }
    figures |= _composition_figures(named, composed)
    copying = copying_by_head(parameters, c.layers)
    exhibits = (
        _heads_table(named, previous, prefix, cut, copying, composed),
        _effects_table(effects),
        *_composition_maps(composed),
        _graph_map(circuit_graph(parameters, c.layers, c.context)),
    )
    return Finding("Path expansion", figures, exhibits, _notes(named))


def _composition_figures(named: NamedHeads, composed: Sequence[Composition]) -> dict[str, float]:
    """Of the named pair that composes most, and what random models reach by key; {} for none."""
    pairs = [largest_composition(name, composed) for name in named.induction]
    best = max((c for c in pairs if c is not None), key=lambda c: c.score, default=None)
    figures = {f"{KEY}, largest of random models": c.reach for c in composed if c.kind == "key"}
    if best is not None:
        figures[f"{KEY}, of the named pair"] = best.score
        figures[f"{KEY}, of the named pair, in standard deviations of random"] = best.deviations
    return figures


def _notes(named: NamedHeads) -> tuple[str, ...]:
    found = (
        f"Previous-token heads (mean attention to the token before >= {PREVIOUS}): "
        f"{', '.join(named.previous) or 'none'}.",
        f"Induction heads (prefix matching >= {PREFIX}, and their largest composition is by key "
        f"with a previous-token head): {', '.join(named.induction) or 'none'}.",
    )
    cut = "Cut: what previous-token heads wrote is taken out of the keys of later heads."
    weak = (
        "Compositions are read from weights alone and prove little where random models reach as "
        "high; the cut, measured on the model's own attention, is the stronger evidence."
    )
    return (*found, cut, weak)


def _heads_table(
    named: NamedHeads,
    previous: Mapping[str, float],
    prefix: Mapping[str, float],
    cut: Mapping[str, float],
    copying: Mapping[str, float],
    composed: Sequence[Composition],
) -> Table:
    rows = []
    for name in prefix:
        role = "previous token" if name in named.previous else ""
        role = "induction" if name in named.induction else role
        most = largest_composition(name, composed)
        reads = ("", "", "", "") if most is None else _above_random(most)
        scores = (previous[name], prefix[name], cut[name], copying[name])
        rows.append((name, role, *scores, *reads))
    columns = ("head", "role", "previous token", "prefix matching", "cut", "copying")
    reads = ("reads most", "above random", "standard deviations of random", "random models reach")
    return Table("Heads and what they do", (*columns, *reads), tuple(rows))


def _above_random(c: Composition) -> tuple[str, float, float, float]:
    return f"{c.kind} of {c.first}", c.score, c.deviations, c.reach


def _effects_table(effects: Sequence[tuple[str, float, float]]) -> Table:
    columns = ("path", "adds to the right logit", "loss without it grows by (nats)")
    title = "Paths on second copies, patterns held"
    if len(effects) > MOST_PATHS:
        title += f": {MOST_PATHS} of {len(effects)}"
    return Table(title, columns, tuple(effects[:MOST_PATHS]))


def _composition_maps(composed: Sequence[Composition]) -> list[Heatmap]:
    """One for each kind: rows write, columns read; empty for one layer."""
    maps = []
    for kind in dict.fromkeys(c.kind for c in composed):
        scores = {(c.first, c.second): c.score for c in composed if c.kind == kind}
        maps.append(_grid(f"Composition by {kind}, above random models", scores, signed=True))
    return maps


def _graph_map(graph: Graph) -> Heatmap:
    """Who writes how much where: a row writes, a column reads."""
    strongest: dict[str, float] = {}
    for edge in graph.edges:
        strongest[edge.target] = max(strongest.get(edge.target, 0.0), edge.weight)
    shares = {
        (e.source, e.target): e.weight / strongest[e.target] if strongest[e.target] else 0.0
        for e in graph.edges
    }
    title = "Circuit graph: who writes what is read where, each reader's strongest writer = 1"
    return _grid(title, shares, signed=False)


def _grid(title: str, values: Mapping[tuple[str, str], float], signed: bool) -> Heatmap:
    rows = tuple(dict.fromkeys(source for source, _ in values))
    columns = tuple(dict.fromkeys(target for _, target in values))
    filled = tuple(tuple(values.get((r, c), 0.0) for c in columns) for r in rows)
    return Heatmap(title, rows, columns, filled, signed)
