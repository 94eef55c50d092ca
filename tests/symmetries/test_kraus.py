"""What may change in Kraus operators: the marks turn as they should, alignment survives noise."""

import pytest
import torch

from interpretable_arch.maths.processes.channel_marks import (
    anchor,
    gaps,
    handedness,
    marks,
    mirrored,
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
    torch.testing.assert_close(mirrored(K), mirrored(moved))
    torch.testing.assert_close(mirrored(K.conj()), -mirrored(K))
    assert abs(float(handedness(mirrored(K)))) > 1e-2


def test_gaps_are_invariants(float64, generator):
    model = channel()
    first, second = (
        gaps(torch.view_as_complex(K)) for K in (model.K.detach(), copy(model, generator))
    )
    for name in ("stationary", "anchor", "mixing", "phase", "eigenvalues"):
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


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.complex128, generator=generator)


def filled(first: torch.Tensor, others: int) -> torch.Tensor:
    """The operators [n, 1, d, d] with random ones added that make them a channel."""
    d = first.shape[-1]
    rest = torch.eye(d) - (first.mH @ first).sum((0, 1))
    values, vectors = torch.linalg.eigh(rest)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.mH
    free = torch.linalg.qr(normal(others * d, d, seed=1)).Q.reshape(others, 1, d, d)
    return torch.cat([first, free @ root])


def half_a_unitary() -> torch.Tensor:
    return filled(0.5**0.5 * torch.linalg.qr(normal(1, 1, 2, 2)).Q, 3)


def rotations_and_resets() -> torch.Tensor:
    """Two turns of a qubit, and two outcomes that leave it in states of their own."""
    turns = 0.6 * torch.linalg.qr(normal(2, 1, 2, 2)).Q
    ends = normal(2, 2, seed=2)
    ends = ends / ends.norm(dim=1, keepdim=True)
    resets = 0.28**0.5 * torch.einsum("wa,wb->wab", ends, torch.eye(2).to(ends))
    return torch.cat([turns, resets[:, None]])


def blind_marks() -> torch.Tensor:
    """Phases between the parts of K_w rho^(1/2), to which effects and outcomes are blind: the
    marks are those of a real channel, which is its own mirror image."""
    K = torch.linalg.qr(normal(12, 3).real).Q.reshape(4, 1, 3, 3).to(torch.complex128)
    values, vectors = torch.linalg.eigh(marks(K).rho)
    root = vectors * values.sqrt() @ vectors.mH
    U, s, V = torch.linalg.svd(K @ root)
    phases = torch.polar(torch.ones(4, 1, 3), 3 * normal(4, 1, 3).real)
    return (U * (s * phases)[..., None, :]) @ V @ torch.linalg.inv(root)


def of(K: torch.Tensor) -> QuantumChannel:
    model = QuantumChannel(QuantumChannelConfig(len(K), K.shape[-1], K.shape[1])).double()
    model.load_state_dict({"K": torch.view_as_real(K.contiguous())})
    return model


def test_a_channel_is_its_mirror_image_only_where_all_of_it_is(float64, generator):
    K = blind_marks()
    first, second = marks(K), marks(K.conj())
    torch.testing.assert_close(first.tuple, second.tuple)  # blind
    assert 1e-2 < gaps(K).handed != 1
    model = of(K)
    assert float(mirrored(K).norm()) > 1e-2
    assert model.certificate().holds
    symmetry, start = model.symmetry(), {"K": model.K.detach()}
    wanted = symmetry.canonical(start)["K"]
    for _ in range(6):
        moved = copy(model, generator)
        torch.testing.assert_close(symmetry.canonical({"K": moved})["K"], wanted, rtol=0, atol=1e-8)
        assert symmetry.distance(start, {"K": moved}) < 1e-8


def test_a_real_channel_is_its_own_mirror_image(float64):
    K = torch.linalg.qr(normal(12, 3).real).Q.reshape(4, 1, 3, 3).to(torch.complex128)
    assert gaps(K).handed == 1.0
    assert undetermined(gaps(K)) == ()


@pytest.mark.parametrize("build", [half_a_unitary, rotations_and_resets])
def test_phases_are_fixed_where_entries_tie(float64, generator, build):
    K = build()
    stacked = K.flatten(0, 2)
    torch.testing.assert_close(stacked.mH @ stacked, torch.eye(2, dtype=K.dtype))
    model = of(K)
    assert model.certificate().holds
    symmetry = model.symmetry()
    wanted = symmetry.canonical({"K": model.K.detach()})["K"]
    for _ in range(8):
        found = symmetry.canonical({"K": copy(model, generator)})["K"]
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-8)
