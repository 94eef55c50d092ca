"""Induction: does a model continue a repeated text by attending to what followed before?
(Olsson et al. 2022, arXiv 2209.11895; for any model with `blocks.*.attn.hook_pattern`.)

On segments of L random tokens that repeat, with A a head's attention [query, key]:

    prefix matching  mean of A[i, i - L + 1] over the second copy, L <= i < 2 L: from a token to
                     the one after its first occurrence
    previous token   mean of A[i, i - 1] over all i >= 1
    in-context score loss in the second copy less loss in the first, on the same tokens (nats)

The last proves little alone: to know *which* tokens stood before already lowers the loss, as one
layer can; the loss of such a bag of tokens, mean ln of the number of tokens still to come, stands
beside it. Attention at the same offset where nothing repeats is the control of the first.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from analysis.exhibits import Heatmap, Lines
from analysis.reading.finding import Finding
from interpretable_arch.hooks import hook_points, record
from training.data.repeats import repeated_segments
from training.data.task import Task

SEQUENCES, LONGEST = 128, 32
SEED = 20_221_117  # of the fresh sequences; no task is made from it
PATTERN = re.compile(r"blocks\.\d+\.attn\.hook_pattern")


@dataclass(frozen=True, eq=False)
class Repeats:
    """Fresh sequences of `width` tokens: segments that repeat, and their lengths."""

    tokens: Int[Tensor, "sequence position"]
    lengths: Int[Tensor, " sequence"]
    shortest: int

    def second_copy(self) -> Float[Tensor, "sequence position"]:
        """1 where L <= i < 2 L, else 0."""
        place, L = torch.arange(self.tokens.shape[1]), self.lengths[:, None]
        return ((place >= L) & (place < 2 * L)).float()


def fresh_repeats(task: Task) -> Repeats | None:
    """Repeats of the task's own tokens, the same every time; None unless tokens are foretold.

    Lengths run from half the longest that fits twice (at most 32) to that longest.
    """
    sizes = task.dimensions
    longest = min(LONGEST, sizes.get("context", 0) // 2, sizes.get("vocab", 0))
    if longest < 4 or task.outputs != sizes["vocab"]:
        return None
    generator = torch.Generator().manual_seed(SEED)
    shortest = longest // 2
    tokens, lengths = repeated_segments(
        SEQUENCES, sizes["vocab"], shortest, longest, 2 * longest, generator
    )
    return Repeats(tokens, lengths, shortest)


def unrepeated(repeats: Repeats) -> Int[Tensor, "sequence position"]:
    """The same first copies, each followed by what stands there in its neighbour."""
    first = torch.arange(repeats.tokens.shape[1]) < repeats.lengths[:, None]
    return repeats.tokens.where(first, repeats.tokens.roll(1, 0))


def head_patterns(
    model: nn.Module, tokens: Int[Tensor, "sequence position"]
) -> dict[str, Float[Tensor, "sequence query key"]]:
    """Each head's attention by its name, `blocks.0.attn.head.1`; empty for a model without."""
    names = [name for name in hook_points(model) if PATTERN.fullmatch(name)]
    if not names:
        return {}
    _, cache = record(model, tokens.to(next(model.parameters()).device), names)
    return {
        f"{name.removesuffix('hook_pattern')}head.{h}": head.detach().cpu()
        for name, pattern in cache.items()
        for h, head in enumerate(pattern.unbind(-3))
    }


def prefix_matching(pattern: Float[Tensor, "sequence query key"], repeats: Repeats) -> float:
    """Mean attention from the second copy to what followed the first occurrence, in [0, 1]."""
    place = torch.arange(pattern.shape[-1])
    source = (place - repeats.lengths[:, None] + 1).clamp_min(0)
    matched = pattern.gather(-1, source[..., None]).squeeze(-1)
    counted = repeats.second_copy()
    return float((matched * counted).sum() / counted.sum())


def previous_token(pattern: Float[Tensor, "sequence query key"]) -> float:
    """Mean attention to the token before, over all tokens that have one, in [0, 1]."""
    return float(pattern.diagonal(-1, -2, -1).mean())


def copy_losses(
    model: nn.Module, repeats: Repeats
) -> tuple[Float[Tensor, "sequence place"], Float[Tensor, "sequence place"]]:
    """Loss (nats) at places 1 .. L - 1 of the first and of the second copy; NaN beyond."""
    tokens, L = repeats.tokens, repeats.lengths[:, None]
    outputs = model(tokens.to(next(model.parameters()).device)).detach().cpu()
    surprise = -outputs.log_softmax(-1)[:, :-1].gather(-1, tokens[:, 1:, None]).squeeze(-1)
    place = torch.arange(1, int(L.max()))
    found = []
    for copy in (0, 1):
        at = (place - 1 + copy * L).clamp_max(surprise.shape[1] - 1)
        found.append(surprise.gather(1, at).where(place < L, torch.nan))
    return found[0], found[1]


def bag_losses(repeats: Repeats) -> Float[Tensor, "sequence place"]:
    """ln(L - place), what is left to one who knows which tokens stood before, not their order."""
    L = repeats.lengths[:, None].float()
    place = torch.arange(1, int(L.max()))
    return (L - place).where(place < L, torch.nan).log()


def read_induction(model: nn.Module, task: Task) -> Finding | None:
    """The scores of every head, on fresh repeats; None for a model or a task of another kind."""
    repeats = fresh_repeats(task)
    if repeats is None:
        return None
    patterns = head_patterns(model, repeats.tokens)
    if not patterns:
        return None
    prefix = {name: prefix_matching(p, repeats) for name, p in patterns.items()}
    previous = {name: previous_token(p) for name, p in patterns.items()}
    best = max(prefix, key=lambda name: prefix[name])
    control = head_patterns(model, unrepeated(repeats))[best]
    first, second = copy_losses(model, repeats)
    bag = bag_losses(repeats)
    counted = repeats.second_copy()
    uniform = (counted / torch.arange(1, counted.shape[1] + 1)).sum() / counted.sum()
    figures = {
        "max prefix matching": prefix[best],
        "that head without repeats": prefix_matching(control, repeats),
        "uniform attention": float(uniform),
        "max previous token": max(previous.values()),
        "in-context score (nats)": float(second.nanmean() - first.nanmean()),
        "loss in the second copy (nats)": float(second.nanmean()),
        "loss of a bag of tokens (nats)": float(bag.nanmean()),
    }
    exhibits = (
        by_head("Prefix matching by head", prefix),
        by_head("Attention to the previous token by head", previous),
        _loss_lines(first, second, bag, repeats.shortest),
        _attention(best, patterns[best], repeats),
    )
    note = (
        f"Prefix matching is the mean attention from a token of the second copy to the one after "
        f"its first occurrence, over {SEQUENCES} fresh repeats. The in-context score alone proves "
        "nothing: a model that only knows which tokens stood before gains too."
    )
    return Finding("Induction", figures, exhibits, (note,))


def by_head(title: str, scores: Mapping[str, float]) -> Heatmap:
    """Scores of heads by name, layer by layer."""
    layers: dict[str, list[float]] = {}
    for name, score in scores.items():
        layers.setdefault(name.split(".attn")[0], []).append(score)
    width = max(len(row) for row in layers.values())
    rows = tuple(tuple(row + [math.nan] * (width - len(row))) for row in layers.values())
    columns = tuple(f"head.{h}" for h in range(width))
    return Heatmap(title, tuple(layers), columns, rows, signed=False)


def _loss_lines(first: Tensor, second: Tensor, bag: Tensor, shortest: int) -> Lines:
    """Over the places that all segments have."""
    named = {"first copy": first, "second copy": second, "second copy, bag of tokens": bag}
    y = {n: tuple(v[:, : shortest - 1].mean(0).tolist()) for n, v in named.items()}
    x = tuple(float(place) for place in range(1, shortest))
    return Lines("Loss by place in the segment", x, y, "place in the segment", "loss (nats)")


def _attention(name: str, pattern: Tensor, repeats: Repeats) -> Heatmap:
    """One head on the shortest of the sequences, two copies long."""
    row = int(repeats.lengths.argmin())
    width = 2 * int(repeats.lengths[row])
    tokens = repeats.tokens[row, :width].tolist()
    names = tuple(f"{place}: {token}" for place, token in enumerate(tokens))
    values = tuple(tuple(v) for v in pattern[row, :width, :width].tolist())
    return Heatmap(f"Attention of {name} from row to column", names, names, values, signed=False)
