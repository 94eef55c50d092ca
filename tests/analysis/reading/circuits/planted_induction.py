"""An induction circuit set by hand: one previous-token head, one induction head, rotary positions.

The stream holds a constant, the token, and what the first head writes: the token before.
"""

import math

import torch

from interpretable_arch.models.attention_only import AttentionOnly, AttentionOnlyConfig
from training.data.repeats import repeats
from training.data.task import Task

TOKENS, WIDTH, SHARP = 8, 18, 2000.0
TOKEN, BEFORE = slice(1, 9), slice(9, 17)
SLOW = slice(10, 18)  # the pairs of a head that hardly turn within 16 positions


def planted_task() -> Task:
    return repeats(TOKENS, 3, 8, 16, sequences=4, held_out=16)


@torch.no_grad()
def planted() -> AttentionOnly:
    """Double precision; both heads' names end in `head.0`."""
    model = AttentionOnly(AttentionOnlyConfig(TOKENS, 16, WIDTH, 2, 1)).double().eval()
    for parameter in model.parameters():
        parameter.zero_()
    one = torch.eye(TOKENS, dtype=torch.float64)
    model.W_E[:, 0] = 1
    model.W_E[:, TOKEN] = one
    model.W_U[TOKEN] = one
    first, second = (
        {n: block.get_parameter(f"attn.{n}") for n in ("W_Q", "W_K", "W_V", "W_O")}
        for block in model.blocks
    )
    # The fastest pair turns by 1 a position: the score is a cosine, largest one place back.
    first["W_Q"][0, 0, 0] = SHARP
    first["W_K"][0, 0, :2] = torch.tensor([math.cos(1), math.sin(1)])
    first["W_V"][TOKEN, 0, SLOW] = one
    first["W_O"][0, SLOW, BEFORE] = one
    second["W_Q"][TOKEN, 0, SLOW] = 100 * one
    second["W_K"][BEFORE, 0, SLOW] = one
    second["W_V"][TOKEN, 0, SLOW] = one
    second["W_O"][0, SLOW, TOKEN] = 20 * one
    return model


@torch.no_grad()
def planted_bag() -> AttentionOnly:
    """One layer that raises every token that stood before, wherever: no induction."""
    model = AttentionOnly(AttentionOnlyConfig(TOKENS, 16, TOKENS, 1, 1)).double().eval()
    attention = model.blocks[0]
    one = torch.eye(TOKENS, dtype=torch.float64)
    for name in ("W_Q", "W_K"):
        attention.get_parameter(f"attn.{name}").zero_()
    attention.get_parameter("attn.W_V")[:, 0] = one
    attention.get_parameter("attn.W_O")[0] = 10 * one
    model.W_E.copy_(one)
    model.W_U.copy_(one)
    return model
