"""A Markov chain over tokens as a task: drawn text, and the chain itself as operators.

A_w[u, w] = sqrt p(w | u): the chain as a uniform matrix product state of one state a token, real
numbers in complex entries. Text is drawn from its stationary law.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from training.data.task import Stream, Task


def chain_operators(transition: np.ndarray) -> Float[Tensor, "vocab n n 2"]:
    """sqrt p(w | u) at [w, u, w], for a stochastic matrix [u, w]."""
    n = len(transition)
    operators = torch.zeros(n, n, n, 2, dtype=torch.float64)
    operators[torch.arange(n), :, torch.arange(n), 0] = torch.from_numpy(transition).sqrt().T
    return operators


def chain_task(
    name: str,
    transition: np.ndarray,
    labels: tuple[str, ...],
    tokens: int,
    context: int,
    held_out: float,
    walk_seed: int,
) -> Task:
    """Next-token prediction on one long walk, whose last share `held_out` is held out.

    Raises ValueError for a walk too short for its windows, a share outside (0, 1), and a chain
    without one stationary law.
    """
    if tokens < 1:
        raise ValueError(f"tokens: wants 1 or more, got {tokens}")
    if not 0 < held_out < 1:
        raise ValueError(f"held_out: wants a share above 0 and below 1, got {held_out}")
    walk = torch.from_numpy(draw_walk(transition, tokens, walk_seed))
    cut = tokens - round(held_out * tokens)
    if context < 1 or min(cut, tokens - cut) <= context:
        raise ValueError(
            f"context: wants at least 1, and parts longer than it; got {context} for {cut} tokens "
            f"to train on and {tokens - cut} held out"
        )
    return Task(
        name=name,
        train=Stream(walk[:cut], torch.arange(cut - context), context),
        held_out=Stream(walk[cut:], torch.arange(0, tokens - cut - context, context), context),
        outputs=len(labels),
        labels=labels,
        dimensions={"vocab": len(labels), "context": context, "outputs": len(labels)},
        operators=chain_operators(transition),
    )


def draw_walk(transition: np.ndarray, tokens: int, seed: int) -> np.ndarray:
    """One walk of so many tokens from the stationary law, a function of `seed`."""
    draw = np.random.default_rng(seed)
    upto = transition.cumsum(1)
    upto[:, -1] = 1
    chance = draw.random(tokens)
    walk = np.empty(tokens, dtype=np.int64)
    walk[0] = np.searchsorted(stationary_law(transition).cumsum(), chance[0] * (1 - 1e-12))
    for place in range(1, tokens):
        walk[place] = np.searchsorted(upto[walk[place - 1]], chance[place], side="right")
    return walk


def stationary_law(transition: np.ndarray) -> np.ndarray:
    """The p with p T = p, of sum 1; ValueError where there are several, as the chain falls apart
    into classes that are never left."""
    classes = closed_classes(transition)
    if len(classes) > 1:
        shown = ", ".join(str(c[:8]) for c in classes[:4])
        raise ValueError(
            f"transition: wants one class of states that is never left, got {len(classes)}: {shown}"
        )
    n = len(transition)
    system = np.vstack([transition.T - np.eye(n), np.ones(n)])
    found = np.linalg.lstsq(system, np.append(np.zeros(n), 1.0), rcond=None)[0]
    return found.clip(min=0) / found.clip(min=0).sum()


def closed_classes(transition: np.ndarray) -> list[list[int]]:
    """The sets of states that are never left and within which each leads to every other."""
    n = len(transition)
    leads = (transition > 0) | np.eye(n, dtype=bool)
    for _ in range(n.bit_length()):
        leads = leads.astype(np.float32) @ leads.astype(np.float32) > 0
    closed = (leads <= leads.T).all(1)
    return [list(row) for row in sorted({tuple(np.flatnonzero(r).tolist()) for r in leads[closed]})]
