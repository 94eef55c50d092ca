"""Meanings of words by commuting token matrices: hidden classes of a text, found by algebra alone.

    T[w, u, v] = sum_c pi_c p(w|c) p(u|c) p(v|c),    B_w = G_w G_0^-1 = A diag(p(w|c)) A^-1

T counts a word between a left and a right context, G_w is its slice projected to as many dimensions
as classes (`maths.contexts.context_tensor`), G_0 the sum of all. The matrices B_w commute where a
token is a list of meanings and nothing else tells the sides of an occurrence of each other; their
joint eigenvectors are the classes and the eigenvalues p(w|c), unique up to order where the sides'
distributions are linearly independent and no two classes have the same words (Kruskal 1977;
Jennrich, in Harshman 1970; Anandkumar et al. 2014, arXiv 1210.7559). Nothing is drawn at random:
one text has one answer. ||[B_u, B_w]|| / (||B_u|| ||B_w||) says how far real text is from that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.certificate import Certificate, Condition
from interpretable_arch.maths.contexts.context_tensor import context_tensor, occurrences_of, rows_of
from interpretable_arch.maths.contexts.sense_algebra import (
    classes_of,
    token_commutators,
    token_matrices,
)
from interpretable_arch.models.latent_classes import LatentClasses, LatentClassesConfig
from interpretable_arch.symmetry import weights


@dataclass(frozen=True)
class SenseTensorConfig(LatentClassesConfig):
    """The same sizes; nothing of its own."""


EXAMPLES = {
    "plain": SenseTensorConfig(vocab=7, classes=3),
    "window": SenseTensorConfig(vocab=5, classes=2, window=3),
}

FLOOR = 1e-6  # below it, a singular value or a gap is rounding
MOVED = 1e-6  # by which a table's logarithms may differ from the fit's
COMMUTES = 0.05  # mean commutator beyond which the tokens are no lists of meanings
MEASURED = (
    "commutator, mean",
    "commutator, largest",
    "off-diagonal share",
    "complex pairs",
    "singular ratio",
    "dropped ratio",
    "singular noise",
    "negative share",
    "condition of the eigenvectors",
    "noise of frequencies",
)


class SenseTensor(LatentClasses):
    """Tokens [batch, position] to log-probabilities of the next one [batch, position, vocab].

    `measured` keeps the MEASURED numbers of the fit and `fitted_tables` what it found; zero before.
    """

    measured: Tensor
    fitted_tables: Float[Tensor, "class entry"]

    def __init__(self, config: SenseTensorConfig) -> None:
        super().__init__(config)
        self.register_buffer("measured", torch.zeros(len(MEASURED)))
        self.register_buffer("fitted_tables", torch.zeros(config.classes, 1 + 2 * config.vocab))

    @torch.no_grad()
    def fit_data(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Count, project, take the joint eigenvectors; the same text gives the same tables.

        Raises ValueError for rows of fewer than 3 tokens, for a symbol outside the vocabulary and
        for fewer contexts than classes.
        """
        c = self.config
        found = context_tensor(
            occurrences_of(rows_of(batches), c.vocab, c.window), c.classes, c.contexts
        )
        classes = classes_of(found, c.smoothing)
        self.set_tables(classes.share, classes.left, classes.words)
        self.fitted_tables.copy_(self._tables())
        mean, largest = token_commutators(token_matrices(found), found.word_share)
        numbers = (
            mean,
            largest,
            classes.eigen.residual,
            classes.eigen.complex_pairs,
            float(found.singular[-1] / found.singular[0]),
            found.dropped / float(found.singular[0]),
            2 * (found.contexts / found.occurrences) ** 0.5,
            classes.negative,
            classes.eigen.condition,
            (c.vocab / found.occurrences) ** 0.5,
        )
        self.measured.copy_(torch.tensor(numbers, dtype=torch.float64))

    @torch.no_grad()
    def certificate(self) -> Certificate:
        """The conditions of the theorem as found in the counts, each beyond what noise would do,
        and that the tables are still those that were found."""
        found: dict[str, float] = dict(zip(MEASURED, self.measured.double().tolist(), strict=True))
        conditions = (
            *self._of_classes(found),
            Condition("complex pairs of eigenvalues", found["complex pairs"], "below", 0.0),
            Condition("mean commutator of tokens", found["commutator, mean"], "below", COMMUTES),
            Condition("tables moved since the fit", self._moved(), "below", MOVED),
        )
        kept = ("commutator, largest", "off-diagonal share", "negative share")
        figures = {n: found[n] for n in (*kept, "condition of the eigenvectors")}
        failed = [c.name for c in conditions if not c.holds]
        notes = (f"not unique, or no list of meanings: {'; '.join(failed)}",) if failed else ()
        if self.config.classes == 1:
            notes = ("trivial: one class has one form, and the word counts are it", *notes)
        return Certificate(
            "Classes are unique up to order where a word and its two sides are independent given "
            "the class, the sides' distributions are linearly independent and no two classes have "
            "the same words (Kruskal 1977; Jennrich, in Harshman 1970).",
            conditions,
            figures,
            notes,
        )

    def _of_classes(self, found: Mapping[str, float]) -> tuple[Condition, ...]:
        """That there are as many classes as asked for, no fewer, no more, and no two alike.

        Noise: a matrix of n independent scaled counts of q contexts has singular values up to
        2 sqrt(q / n) (Marchenko and Pastur 1967). A distribution over V words is known to
        sqrt(V / n) or so, which the inverse of the contexts' matrix enlarges.
        """
        d, ratio, noise = self.config.classes, found["singular ratio"], found["singular noise"]
        gap, pair = self._closest()
        least = max(FLOOR, found["noise of frequencies"] / max(ratio, FLOOR))
        block = "" if gap > least else f", of classes {pair[0]} and {pair[1]},"
        most = f"singular value {d + 1} of the contexts / largest, classes left out"
        enough = Condition(most, found["dropped ratio"], "below", max(FLOOR, noise))
        if d == 1:
            counted = Condition("largest singular value of the contexts", ratio, "above", FLOOR)
            return counted, enough
        few = f"smallest of {d} singular values of the contexts / largest"
        alike = f"smallest gap of eigenvalues p(w|c){block} / largest"
        return (
            Condition(few, ratio, "above", max(FLOOR, noise)),
            enough,
            Condition(alike, gap, "above", least),
        )

    def _closest(self) -> tuple[float, tuple[int, int]]:
        """The least distance of two classes' words over the largest norm; the classes' numbers in
        canonical order."""
        words = self.symmetry().canonical(weights(self))["emission"].double().softmax(-1)
        if len(words) == 1:
            return float("inf"), (0, 0)
        apart = torch.cdist(words, words) / words.norm(dim=1).max()
        apart.fill_diagonal_(torch.inf)
        first, second = divmod(int(apart.argmin()), len(apart))
        return float(apart.min()), (min(first, second), max(first, second))

    def _tables(self) -> Float[Tensor, "class entry"]:
        return torch.cat([self.prior, self.evidence, self.emission], 1)

    def _moved(self) -> float:
        """The largest change of a logarithm since the fit, up to what the symmetry leaves free."""
        from scipy.optimize import linear_sum_assignment

        one, other = (_seen(t.double()) for t in (self._tables(), self.fitted_tables))
        if not bool(one.isfinite().all() & other.isfinite().all()):
            return float("nan")
        rows, columns = linear_sum_assignment(torch.cdist(one, other).cpu().numpy())
        return float((one[rows.tolist()] - other[columns.tolist()]).abs().max())


def _seen(tables: Float[Tensor, "class entry"]) -> Float[Tensor, "class entry"]:
    """Tables without what the softmaxes do not see."""
    vocab = tables.shape[1] // 2
    scores, emission = tables[:, :-vocab], tables[:, -vocab:]
    return torch.cat([scores - scores.mean(0), emission.log_softmax(-1)], 1)
