import math

import numpy as np
import pytest
import torch
from torch import Tensor

from interpretable_arch.maths.groups.characters import character_table
from interpretable_arch.maths.groups.finite_groups import parse
from interpretable_arch.maths.groups.irreducibles import irreducibles
from interpretable_arch.readings.group_certificate import group_certificate
from interpretable_arch.readings.token_scores import real_scores, score_rows


def tokens_of(name: str, copies: list[int] | None = None) -> Tensor:
    """Each irreducible so often; as often as its dimension, less the trivial one, if not said."""
    group = parse(name)
    copies = [0, *character_table(group).dimensions[1:]] if copies is None else copies
    rhos = [rho for rho, m in zip(irreducibles(group), copies, strict=True) for _ in range(m)]
    return torch.stack(
        [torch.block_diag(*(rho.matrices[g] for rho in rhos)) for g in range(group.order)]
    )


def moved(tokens: Tensor, generator: torch.Generator) -> Tensor:
    U = torch.linalg.qr(torch.randn(tokens.shape[1:], dtype=torch.cdouble, generator=generator))[0]
    return U @ tokens @ U.mH


def values(tokens: Tensor, real: bool = False) -> list[float]:
    return [c.value for c in group_certificate(tokens, real).conditions]


@pytest.mark.parametrize("name", ["Z2", "Z3", "S3", "Q8", "A4", "F21", "S4"])
def test_it_holds_at_the_optimum_and_in_every_basis(name: str, generator: torch.Generator) -> None:
    tokens = moved(tokens_of(name), generator)
    for same in (tokens, tokens.conj(), tokens.to(torch.complex64)):
        assert group_certificate(same, real=False).holds
    np.testing.assert_allclose(
        values(moved(tokens, generator)), values(tokens), rtol=1e-6, atol=1e-6
    )


def test_real_tokens_are_read_in_real_numbers() -> None:
    tokens = tokens_of("S4")
    certificate = group_certificate(tokens, real=True)
    assert certificate.holds
    assert "O(d)" in certificate.unique
    assert "determinant" in certificate.notes[0]
    np.testing.assert_allclose(values(tokens, True), values(tokens), atol=1e-6)


def test_omega_twice_on_z3_fails_by_its_imaginary_part() -> None:
    """The trap of a loss on the real part alone."""
    certificate = group_certificate(tokens_of("Z3", [0, 2, 0]), real=False)
    assert [c.name for c in certificate.failed] == ["max |chi + 1| off the identity"]
    assert certificate.failed[0].value == pytest.approx(math.sqrt(3))


def test_other_sums_of_irreducibles_fail() -> None:
    standard = group_certificate(tokens_of("S4", [0, 0, 0, 1, 0]), real=False)
    names = [c.name for c in standard.failed]
    assert names == ["|d - (order - 1)|", "max |chi + 1| off the identity"]
    exchanged = group_certificate(tokens_of("A5", [0, 6, 0, 4, 5]), real=False)
    assert [c.name for c in exchanged.failed] == ["max |chi + 1| off the identity"]


def test_a_model_that_moved_since_its_fit_fails(generator: torch.Generator) -> None:
    tokens = tokens_of("S3")
    noise = 0.05 * torch.randn(tokens.shape, dtype=torch.cdouble, generator=generator)
    failed = {c.name for c in group_certificate(tokens + noise, real=False).failed}
    assert "max |A A* - 1| / sqrt(d)" in failed
    turned = tokens.clone()
    turned[1] = turned[1] * np.exp(0.1j)  # still unitary, no representation any more
    failed = {c.name for c in group_certificate(turned, real=False).failed}
    assert {"max |A_a A_b - A_ab| / sqrt(d)", "max |chi + 1| off the identity"} <= failed


def test_answers_that_are_no_group_leave_nothing_to_certify(generator: torch.Generator) -> None:
    noise = torch.randn(6, 5, 5, dtype=torch.cdouble, generator=generator)
    certificate = group_certificate(torch.linalg.qr(noise)[0], real=False)
    assert not certificate.holds
    assert math.isnan(certificate.conditions[-1].value)
    broken = group_certificate(noise * math.nan, real=False)
    assert not broken.holds
    assert len(broken.failed) == 4


def test_the_defect_is_the_worst_product(generator: torch.Generator) -> None:
    tokens = tokens_of("Q8")
    near = tokens + 1e-3 * torch.randn(tokens.shape, dtype=torch.cdouble, generator=generator)
    table = parse("Q8").table
    slow = max(
        float((near[a] @ near[b] - near[table[a, b]]).norm()) / 7**0.5
        for a in range(8)
        for b in range(8)
    )
    assert values(near)[3] == pytest.approx(slow)


def test_scores_by_rows_are_all_the_scores(generator: torch.Generator) -> None:
    A = torch.randn(4, 3, 3, dtype=torch.cdouble, generator=generator)
    slow = torch.einsum("aij,bjk,cik->abc", A, A, A.conj()) / 3
    torch.testing.assert_close(torch.stack(list(score_rows(A))), slow)
    torch.testing.assert_close(real_scores(A), slow.real)
    assert torch.equal(real_scores(A).argmax(-1), slow.real.argmax(-1))
    torch.testing.assert_close(real_scores(A.real), torch.einsum("aij,bjk,cik->abc", A.real, A.real,
                                                                A.real) / 3)  # fmt: skip
