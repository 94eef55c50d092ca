"""How much of a model's answer its core gives, and where the remainder helps.

On held-out windows that do not overlap: the remainder's share of the logits (see
`models.core_remainder`), the loss of the core alone and of the whole, in nats. A place's gain is
ln p(next | whole) - ln p(next | core). Places are ordered by the entropy of the core's own answer,
so that one sees whether the remainder speaks where the core is unsure.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from analysis.exhibits import Exhibit, Table
from analysis.reading.finding import Finding
from analysis.reading.words.sense_table import shown
from interpretable_arch.models.core_remainder import CoreRemainder, share_of
from training.data.task import Task
from training.evaluation import fixed_indices

WINDOWS, PIECE = 256, 32
PLACES, BEFORE, QUARTERS = 12, 24, 4


@dataclass(frozen=True, eq=False)
class Places:
    """Every place of the windows read: losses in nats, the core's entropy, squared norms."""

    tokens: Int[Tensor, "window position"]
    targets: Int[Tensor, "window position"]
    core: Float[Tensor, "window position"]
    whole: Float[Tensor, "window position"]
    entropy: Float[Tensor, "window position"]
    squared: Float[Tensor, " two"]

    @property
    def gain(self) -> Float[Tensor, "window position"]:
        return self.core - self.whole

    @property
    def share(self) -> float:
        """The remainder's share of the logits over all places, in [0, 1]."""
        core, remainder = self.squared.sqrt().tolist()
        return share_of(core, remainder)


@torch.no_grad()
def compare(model: CoreRemainder, task: Task, windows: int = WINDOWS) -> Places:
    """Core and whole on evenly spread held-out windows."""
    found = [
        _piece(model, *task.held_out.take(chosen))
        for chosen in fixed_indices(task.held_out, windows).split(PIECE)
    ]
    *columns, squared = zip(*found, strict=True)
    tokens, targets, core, whole, entropy = (torch.cat(column) for column in columns)
    return Places(tokens, targets, core, whole, entropy, torch.stack(squared).sum(0))


def _piece(model: CoreRemainder, tokens: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
    core, remainder = model.both(tokens)
    squared = [(x - x.mean(-1, keepdim=True)).double().square().sum() for x in (core, remainder)]
    log_core, log_whole = core.log_softmax(-1), (core + remainder).log_softmax(-1)
    losses = [-p.gather(-1, targets[..., None]).squeeze(-1) for p in (log_core, log_whole)]
    entropy = -(log_core.exp() * log_core).sum(-1)
    return tokens, targets, *losses, entropy, torch.stack(squared)


def read_remainder(model: nn.Module, task: Task) -> Finding | None:
    """None for a model without a core under a remainder."""
    if not isinstance(model, CoreRemainder):
        return None
    places = compare(model, task)
    figures = {
        "remainder's share": places.share,
        "core's loss": float(places.core.mean()),
        "loss with remainder": float(places.whole.mean()),
        "remainder's gain": float(places.gain.mean()),
        "gain in second halves": float(places.gain[:, places.gain.shape[1] // 2 :].mean()),
        "places made better": float((places.gain > 0).double().mean()),
    }
    exhibits: tuple[Exhibit, ...] = (_most_helped(places, task.labels), _by_entropy(places))
    return Finding("Core and remainder", figures, exhibits, (_NOTE,))


_NOTE = (
    "Share: norm of the remainder's logits over the sum of both norms, each less its mean over the "
    "outputs. Loss and gain in nats per token, held out, without the penalty. "
    "Where a window begins the core has few symbols to go by: second halves are shown apart."
)


def _most_helped(places: Places, labels: tuple[str, ...]) -> Table:
    rows = []
    for flat in places.gain.flatten().topk(min(PLACES, places.gain.numel())).indices.tolist():
        window, at = divmod(flat, places.gain.shape[1])
        before = places.tokens[window, max(0, at + 1 - BEFORE) : at + 1].tolist()
        core, whole = (float(x[window, at].neg().exp()) for x in (places.core, places.whole))
        next_token = shown(labels[int(places.targets[window, at])])
        gain = float(places.gain[window, at])
        rows.append((_text(before, labels), next_token, core, whole, round(gain, 3)))
    columns = ("text before", "next", "p by the core", "p by the whole", "gain (nats)")
    return Table("Places where the remainder helps most", columns, tuple(rows))


def _by_entropy(places: Places) -> Table:
    order = places.entropy.flatten().argsort()
    rows = []
    for number, chosen in enumerate(order.tensor_split(QUARTERS)):
        means = [
            round(float(x.flatten()[chosen].mean()), 4)
            for x in (places.entropy, places.core, places.whole, places.gain)
        ]
        rows.append((f"quarter {number + 1}", *means))
    columns = ("the core's certainty", "its entropy", "its loss", "loss of the whole", "gain")
    return Table("Gain by how sure the core is (nats)", columns, tuple(rows))


def _text(tokens: list[int], labels: tuple[str, ...]) -> str:
    words = [labels[t] for t in tokens]
    gap = "" if all(len(word) == 1 for word in labels[1:]) else " "
    return gap.join(map(shown, words))
