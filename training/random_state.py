"""The noise stream: one seed for a block, and torch's generators as plain tensors for a resume."""

import hashlib
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import UInt8
from torch import Tensor

from training.experiment import Seed


def noise_seed(seeds: Sequence[Seed]) -> int:
    """A lone seed's own noise seed; for a block, one number that depends on all of them."""
    if len(seeds) == 1:
        return seeds[0].noise
    text = ",".join(str(seed.noise) for seed in seeds)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])


def random_state() -> dict[str, UInt8[Tensor, " byte"]]:
    """State of torch's generators: the processor's, Apple's, and each CUDA device's in use."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_initialized():
        devices = enumerate(torch.cuda.get_rng_state_all())
        states.update({f"cuda:{index}": state for index, state in devices})
    if torch.backends.mps.is_available():
        states["mps"] = torch.mps.get_rng_state()
    return states


def load_random_state(states: Mapping[str, UInt8[Tensor, " byte"]]) -> None:
    """Set the generators that `random_state` described."""
    for device, state in states.items():
        if device == "cpu":
            torch.set_rng_state(state)
        elif device == "mps":
            torch.mps.set_rng_state(state)
        else:
            torch.cuda.set_rng_state(state, device)
