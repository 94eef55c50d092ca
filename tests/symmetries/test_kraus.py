"""What may change in Kraus operators: the marks turn as they should, alignment survives noise."""

import pytest
import torch

from interpretable_arch.maths.processes.channel_marks import (
    anchor,
    chirality,
    gaps,
    marks,
    undetermined,
)
from interpretable_arch.models.quantum_channel import QuantumChannel, QuantumChannelConfig


def channel(seed: int = 0) -> QuantumChannel:
    torch.manual_seed(seed)
    return QuantumChannel(QuantumChannelConfig(vocab=4, d=3, kraus=2)).double()


def copy(model: QuantumChannel, generator: torch.Generator) -> torch.Tensor:
    symmetry = model.symmetry()
    return symmetry.act(symmetry.sample(generator), {"K": model.K.detach()})["K"]


def test_marks_do_not_see_mixing_and_turn_with_the_basis(float64, generator):
    K = torch.view_as_complex(channel().K.detach())
    U = torch.linalg.qr(torch.randn(3, 3, dtype=torch.complex128, generator=generator)).Q
    u = torch.linalg.qr(torch.randn(4, 2, 2, dtype=torch.complex128, generator=generator)).Q
    moved = torch.einsum("wij,wjab->wiab", u, U @ K @ U.mH)
    first, second = marks(K), marks(moved)
    torch.testing.assert_close(U @ first.rho @ U.mH, second.rho)
    torch.testing.assert_close(U @ first.tuple @ U.mH, second.tuple)
    torch.testing.assert_close(U @ anchor(first) @ U.mH, anchor(second))
    torch.testing.assert_close(chirality(first), chirality(second))
    torch.testing.assert_close(chirality(marks(K.conj())), -chirality(first))


def test_gaps_are_invariants(float64, generator):
    model = channel()
    first, second = (
        gaps(torch.view_as_complex(K)) for K in (model.K.detach(), copy(model, generator))
    )
    for name in ("stationary", "anchor", "mixing", "eigenvalues"):
        torch.testing.assert_close(getattr(first, name), getattr(second, name))
    assert first.handed == pytest.approx(second.handed)
    assert undetermined(first) == ()


@pytest.mark.parametrize("size", [1e-4, 1e-2])
def test_alignment_of_a_noisy_copy_leaves_the_noise_only(float64, generator, size):
    model = channel()
    planted = copy(model, generator)
    noisy = planted + size * torch.randn(planted.shape, generator=generator)
    noisy = model.constrain({"K": noisy})["K"]
    gap = model.symmetry().distance({"K": model.K.detach()}, {"K": noisy})
    alone = float((noisy - planted).norm() / noisy.norm())
    assert gap < 1.5 * alone


def test_two_seeds_are_apart_after_alignment(float64):
    values = [{"K": channel(seed).K.detach()} for seed in (0, 1)]
    assert channel().symmetry().distance(*values) > 0.3


def test_operators_without_size_are_no_tie(float64):
    """A token that needs one operator and has three: zeros are zeros, whichever comes first."""
    K = torch.view_as_complex(channel().K.detach())
    padded = torch.cat([K[:, :1], torch.zeros(4, 2, 3, 3, dtype=K.dtype)], 1)
    padded = torch.view_as_real(padded)
    wide = QuantumChannel(QuantumChannelConfig(vocab=4, d=3, kraus=3)).double()
    padded = torch.view_as_complex(wide.constrain({"K": padded})["K"])
    assert undetermined(gaps(padded)) == ()
