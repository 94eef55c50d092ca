"""What hidden classes say of words: the commutators, the classes, and how words share them out.

Where the language that made the text is known, the posteriors p(c | left, w) are compared with the
true ones, classes matched by their words.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from analysis.exhibits import Table
from analysis.reading.finding import Finding
from analysis.reading.words.sense_table import shown
from interpretable_arch.maths.density import entropy
from interpretable_arch.models.latent_class_em import CONVERGED, LatentClassEM
from interpretable_arch.models.latent_classes import LatentClasses
from training.data.latent_classes import LatentClassTask, LatentLanguage
from training.data.task import Split, Stream, Task

CLASSES, WORDS, AMBIGUOUS = 12, 8, 12  # rows and words shown
OFTEN = 20  # times in the training text that make a word frequent


@torch.no_grad()
def read_sense_tensor(model: nn.Module, task: Task) -> Finding | None:
    """None for a model without hidden classes."""
    if not isinstance(model, LatentClasses):
        return None
    counts = _counts(task, model.config.vocab).to(model.prior.device)
    often = counts >= OFTEN
    meanings = model.meanings()
    ambiguity = entropy(meanings)
    figures = {
        "classes of a word, entropy": float((counts * ambiguity).sum() / counts.sum()),
        "classes, entropy": float(entropy(model.prior[:, 0].softmax(0))),
    }
    if isinstance(task, LatentClassTask):
        figures |= _errors(model, task.language, task.held_out)
    figures |= _search(model)
    tables = (_classes(model, task.labels, often), _words(meanings, ambiguity, task.labels, counts))
    notes = (_NOTE, _SEARCHED if isinstance(model, LatentClassEM) else _COMMUTING)
    return Finding("Hidden classes", figures, tables, notes)


_NOTE = (
    "Entropies are in nats. A class's words and left contexts are those that it raises most over "
    f"the other classes' mean, among words seen at least {OFTEN} times in the training text."
)
_COMMUTING = "How far the tokens' matrices are from commuting stands in the certificate."
_SEARCHED = (
    "The classes were found by a search from a random start, and no theorem says how many optima "
    f"there are. It came to rest where the last change is at most {CONVERGED:g}."
)


def _search(model: LatentClasses) -> dict[str, float]:
    """What a search by likelihood came to; nothing before it and for other models."""
    if not isinstance(model, LatentClassEM) or not bool(model.measured.any()):
        return {}
    likelihood, change = model.measured.double().tolist()
    return {
        "log-likelihood of an occurrence": likelihood,
        "largest change in the last step": change,
        "search came to rest": float(change <= CONVERGED),
    }


def _counts(task: Task, vocab: int) -> Float[Tensor, " vocab"]:
    data = task.train
    tokens = data.tokens if isinstance(data, Stream) else data.targets.flatten()
    return torch.bincount(tokens, minlength=vocab).double().cpu()


def _errors(model: LatentClasses, known: LatentLanguage, data: Split) -> dict[str, float]:
    """Differences of p(c | left, w) from the truth, over held-out places and classes, and how
    often the likeliest class is the same.

    Classes of the model that the language has no match for are left out of the differences.
    """
    from scipy.optimize import linear_sum_assignment

    found = model.emission.softmax(-1).double()
    rows, columns = linear_sum_assignment(torch.cdist(found, known.words.to(found)).cpu().numpy())
    wanted = known.meaning(data.inputs, data.targets)[..., columns.tolist()]
    got = model.posterior(data.inputs, data.targets)[..., rows.tolist()].double()
    gap = (got - wanted).abs()
    each = gap.amax(-1).flatten()
    return {
        "posterior error, largest": float(gap.max()),
        "posterior error, mean": float(gap.mean()),
        "posteriors within 1e-3": float((each <= 1e-3).double().mean()),
        "same likeliest class": float((got.argmax(-1) == wanted.argmax(-1)).double().mean()),
    }


def _classes(model: LatentClasses, labels: tuple[str, ...], often: Tensor) -> Table:
    share = model.prior[:, 0].softmax(0)
    words = _raised(model.emission.log_softmax(-1), often)
    left = _raised(model.evidence, often)
    rows = []
    for c in share.argsort(descending=True, stable=True)[:CLASSES].tolist():
        cells = (" ".join(shown(labels[w]) for w in best[c].tolist()) for best in (words, left))
        rows.append((f"class.{c}", round(float(share[c]), 4), *cells))
    columns = ("class", "probability", "words", "called by, on the left")
    return Table("Classes, the likeliest first", columns, tuple(rows))


def _raised(scores: Float[Tensor, "class vocab"], often: Tensor) -> Tensor:
    """The frequent words that each class raises most."""
    over = (scores - scores.mean(0)).masked_fill(~often, -torch.inf)
    return over.topk(min(WORDS, over.shape[1]), -1).indices


def _words(meanings: Tensor, ambiguity: Tensor, labels: tuple[str, ...], counts: Tensor) -> Table:
    """The most ambiguous frequent words, and the classes that they come from."""
    asked = ambiguity.masked_fill(counts < OFTEN, -1)
    rows = []
    for w in asked.argsort(descending=True, stable=True)[:AMBIGUOUS].tolist():
        best = meanings[w].topk(min(4, meanings.shape[1]))
        told = ", ".join(
            f"class.{c} {p:.2f}"
            for p, c in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        )
        rows.append((shown(labels[w]), float(counts[w]), round(float(ambiguity[w]), 3), told))
    columns = ("word", "occurrences", "entropy", "comes from")
    return Table("Most ambiguous frequent words (nats)", columns, tuple(rows))
