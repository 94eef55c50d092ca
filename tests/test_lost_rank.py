"""Symmetry where weights were set to zero, as weight sparsity does: heads lose rank, laws hold."""

import pytest
import torch

from interpretable_arch.registry import build
from interpretable_arch.symmetry import weights

ZEROED = {
    "one channel reads nothing": {"W_Q": (slice(None), 0, 1)},
    "one channel on both sides": {"W_Q": (slice(None), 0, 1), "W_K": (slice(None), 0, 1)},
    "a head writes nothing": {"W_V": (slice(None), 1), "W_O": (1,)},
}


@pytest.mark.parametrize("zeroed", ZEROED.values(), ids=list(ZEROED))
@torch.no_grad()
def test_canonical_and_aligned_forms_keep_the_function(float64, generator, zeroed):
    torch.manual_seed(0)
    sizes = {"d_model": 6, "heads": 2, "layers": 1, "std": 0.5}
    model = build("transformer", sizes, {"vocab": 7, "context": 5})
    for name, place in zeroed.items():
        getattr(model.blocks[0].attn, name)[place] = 0
    tokens = torch.randint(7, (8, 5), generator=generator)
    values, symmetry, wanted = weights(model), model.symmetry(), model(tokens)
    planted = symmetry.act(symmetry.sample(generator), values)
    aligned = symmetry.act(symmetry.align(values, planted), values)
    for moved in (symmetry.canonical(values), symmetry.canonical(planted), aligned):
        got = torch.func.functional_call(model, moved, (tokens,))
        torch.testing.assert_close(got, wanted, rtol=1e-7, atol=1e-9)
