"""A corpus of two regularities alike in size: a topic that lasts and a place that alternates.

Each word belongs to a topic (0 or 1) and a place (0 or 1). The next word keeps the topic with
probability `stay` and changes the place with probability `alternate`; which of the `own` words of
that topic and place it is, is drawn from a table that depends on the word before. With `alternate`
1 the corpus has period 2. Below it, two states are too few for both regularities, and a model of
bond 2 keeps one of them: it has to choose.
"""

import numpy as np

from training.data.markov_walks import chain_task
from training.data.task import Task

EVENNESS = 3.0  # of the Dirichlet law of the tables


def planted_period(
    stay: float = 0.9,
    alternate: float = 0.9,
    own: int = 2,
    tokens: int = 50_000,
    context: int = 32,
    held_out: float = 0.1,
    language_seed: int = 0,
) -> Task:
    """Next-word prediction on one long text; the task carries the exact chain as operators.

    Raises ValueError for `stay` outside (0, 1), as a topic that never ends makes two texts,
    `alternate` outside (0, 1], `own` below 1, a negative seed, or a text too short.
    """
    if not 0 < stay < 1:
        raise ValueError(f"stay: wants a number above 0 and below 1, got {stay}")
    if not 0 < alternate <= 1:
        raise ValueError(f"alternate: wants a number above 0 and up to 1, got {alternate}")
    if language_seed < 0:
        raise ValueError(f"language_seed: wants 0 or more, got {language_seed}")
    if own < 1:
        raise ValueError(f"own: wants 1 or more, got {own}")
    transition = period_matrix(stay, alternate, own, language_seed)
    cells = [(t, c) for t in range(2) for c in range(2)]
    labels = tuple(f"topic {t} place {c} word {i}" for t, c in cells for i in range(own))
    name = f"topics and places, {'periodic' if alternate == 1 else 'aperiodic'}"
    return chain_task(name, transition, labels, tokens, context, held_out, language_seed)


def period_matrix(stay: float, alternate: float, own: int, language_seed: int) -> np.ndarray:
    """p(w | u), [u, w], words in order of topic, place and number."""
    draw = np.random.default_rng(language_seed)
    topic, place = (x.repeat(own) for x in (np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])))
    kept = np.where(topic[:, None] == topic, stay, 1 - stay)
    moved = np.where(place[:, None] != place, alternate, 1 - alternate)
    words = draw.dirichlet(np.full(own, EVENNESS), size=(4 * own, 4)).reshape(4 * own, 4 * own)
    return kept * moved * words
