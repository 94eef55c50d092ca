import pytest
import torch

from analysis.reading.intertwiners import direct_sum, intertwine
from interpretable_arch.maths.groups.finite_groups import parse
from interpretable_arch.maths.groups.irreducibles import irreducibles, product_error


@pytest.mark.parametrize(("name", "copies"), [("S3", [1, 2, 2]), ("Q8", [0, 1, 0, 1, 3])])
def test_a_direct_sum_is_a_representation_with_the_summed_character(
    name: str, copies: list[int]
) -> None:
    group = parse(name)
    sums = direct_sum(irreducibles(group), copies)
    assert product_error(sums, group) < 1e-12
    parts = zip(irreducibles(group), copies, strict=True)
    chi = sum(m * torch.einsum("gii->g", rho.matrices) for rho, m in parts)
    torch.testing.assert_close(torch.einsum("gii->g", sums), chi)


def test_a_swap_of_two_basis_vectors_is_found_by_hand() -> None:
    """Z2 on the plane by exchanging axes: (1, 1)/sqrt 2 is trivial and (1, -1)/sqrt 2 is not."""
    B = torch.tensor([[[1, 0], [0, 1]], [[0, 1], [1, 0]]], dtype=torch.cdouble)
    found = intertwine(B, irreducibles(parse("Z2")), [1, 1])
    assert found.residual < 1e-14
    torch.testing.assert_close(found.matrix.abs(), torch.full((2, 2), 0.5**0.5).double())
    assert found.matrix[0, 0] * found.matrix[0, 1] == pytest.approx(0.5)
    assert found.matrix[1, 0] * found.matrix[1, 1] == pytest.approx(-0.5)


def test_averaging_a_random_matrix_gives_the_same_space(generator: torch.Generator) -> None:
    """T = mean over g of rho(g) X B_g* lies in the span of the copies found."""
    group = parse("A4")
    rho = irreducibles(group)[3]
    copies = [1, 0, 0, 2]
    basis = torch.linalg.qr(torch.randn(7, 7, dtype=torch.cdouble, generator=generator))[0]
    B = basis @ direct_sum(irreducibles(group), copies) @ basis.mH
    found = intertwine(B, irreducibles(group), copies).matrix[1:].reshape(2, 3, 7)
    X = torch.randn(3, 7, dtype=torch.cdouble, generator=generator)
    slow = sum(rho.matrices[g] @ X @ B[g].mH for g in range(12)) / 12
    weights = torch.einsum("cij,ij->c", found.conj(), slow) / 3
    torch.testing.assert_close(torch.einsum("c,cij->ij", weights, found), slow)


def test_copies_that_do_not_fill_the_dimension_are_refused() -> None:
    B = torch.eye(4, dtype=torch.cdouble).repeat(6, 1, 1)
    with pytest.raises(ValueError, match="wanted dimensions adding to 4, got 2"):
        intertwine(B, irreducibles(parse("S3")), [0, 0, 1])
