from dataclasses import replace

import numpy as np
import pytest
import sympy
import torch

from interpretable_arch.maths.groups.characters import character_table
from interpretable_arch.maths.groups.finite_groups import from_generators, parse
from interpretable_arch.maths.groups.irreducibles import irreducibles, product_error
from interpretable_arch.maths.groups.matrix_form import check_form
from interpretable_arch.maths.groups.subgroups import Subgroup, linear_characters, subgroup_layers

NAMES = ["S1", "S2", "S3", "S4", "S5", "A4", "A5", "Z7", "Z12", "D5", "D8", "Q8", "Dic3", "F21"]
NAMES += ["S3xZ2", "Z2xZ2", "S3xS3", "A4xZ2", "Q8xZ3"]


@pytest.mark.parametrize("name", NAMES)
def test_every_product_of_the_table_holds(name: str) -> None:
    group = parse(name)
    characters = character_table(group)
    found = irreducibles(group)
    assert tuple(rho.name for rho in found) == characters.names
    for index, rho in enumerate(found):
        assert product_error(rho.matrices, group) < 1e-12
        identity = torch.eye(rho.dimension, dtype=torch.cdouble).expand_as(rho.matrices)
        gram = torch.einsum("gji,gjk->gik", rho.matrices.conj(), rho.matrices)
        torch.testing.assert_close(gram, identity)
        traces = torch.einsum("gii->g", rho.matrices)
        torch.testing.assert_close(traces, characters.on_elements[index])
        assert rho.products == group.order * len(group.generators)


@pytest.mark.parametrize("name", ["S3", "A4", "D5", "Q8", "Z7", "F21"])
def test_exact_entries_multiply_exactly(name: str) -> None:
    group = parse(name)
    for rho in irreducibles(group):
        for a in group.generators:
            for b in group.generators:
                left = rho.exact(a) * rho.exact(b) - rho.exact(int(group.table[a, b]))
                assert left.applyfunc(lambda x: sympy.simplify(sympy.expand(x))).is_zero_matrix


@pytest.mark.parametrize("name", ["S4", "A5", "D8", "Dic3", "Q8xZ3"])
def test_exact_entries_equal_the_numbers(name: str) -> None:
    group = parse(name)
    for rho in irreducibles(group):
        for s in group.generators:
            found = np.array(rho.exact(s).evalf(20).tolist(), dtype=complex)
            np.testing.assert_allclose(found, rho.matrices[s].numpy(), atol=1e-14)


def test_youngs_orthogonal_form_of_s3() -> None:
    group = parse("S3")
    rho = irreducibles(group)[2]
    swap = group.labels.index("(1 2)")
    assert rho.exact(swap) == sympy.Matrix([[1, 0], [0, -1]])
    other = rho.exact(group.labels.index("(2 3)"))
    half, root = sympy.Rational(1, 2), sympy.sqrt(3) / 2
    assert other == sympy.Matrix([[-half, root], [root, half]])


def test_the_icosahedral_matrices_need_only_the_golden_ratio() -> None:
    group = parse("A5")
    entries = set()
    for g in range(group.order):
        entries |= {sympy.expand(x) for x in irreducibles(group)[1].exact(g)}
    golden = (1 + sympy.sqrt(5)) / 2
    halves = {
        sympy.expand(sympy.Integer(s) * x / 2) for s in (1, -1) for x in (1, golden, golden - 1)
    }
    assert entries == halves | {sympy.Integer(k) for k in (-1, 0, 1)}


def test_the_quaternions_are_the_pauli_matrices_times_i() -> None:
    group = parse("Q8")
    rho = irreducibles(group)[4]
    assert (rho.dimension, rho.type) == (2, "quaternionic")
    assert rho.exact(group.labels.index("-1")) == -sympy.eye(2)


def test_a_group_without_a_name() -> None:
    """PSL(2, 7) on the projective line over seven elements, x -> x + 1 and x -> -1/x."""
    group = from_generators([(1, 2, 3, 4, 5, 6, 0, 7), (7, 6, 3, 2, 5, 4, 1, 0)], "PSL(2,7)")
    assert group.order == 168
    assert [rho.dimension for rho in irreducibles(group)] == [1, 3, 3, 6, 7, 8]


def test_a_non_monomial_irreducible_is_reached() -> None:
    """SL(2, 3) on the non-zero vectors of a plane over three elements: dimensions 1 1 1 2 2 2 3."""
    points = [(a, b) for a in range(3) for b in range(3) if a or b]
    upper = tuple(points.index(((a + b) % 3, b)) for a, b in points)
    lower = tuple(points.index((a, (a + b) % 3)) for a, b in points)
    group = from_generators([upper, lower], "SL(2,3)")
    found = irreducibles(group)
    assert [rho.dimension for rho in found] == [1, 1, 1, 2, 2, 2, 3]
    assert max(float(product_error(rho.matrices, group)) for rho in found) < 1e-12


def test_one_wrong_coefficient_is_caught() -> None:
    group = parse("S4")
    rho = irreducibles(group)[3]
    eigenvalues = character_table(group).eigenvalues
    assert check_form(rho.form, group, eigenvalues[3].numpy()) == 72
    numerators = rho.form.numerators.copy()
    numerators[7, 0, 1, 0] += 1
    with pytest.raises(AssertionError):
        check_form(replace(rho.form, numerators=numerators), group, eigenvalues[3].numpy())
    with pytest.raises(AssertionError):
        check_form(rho.form, group, eigenvalues[4].numpy())


def test_subgroups_of_s4_up_to_conjugacy() -> None:
    orders = [len(h.elements) for layer in subgroup_layers(parse("S4")) for h in layer]
    assert sorted(orders) == [1, 2, 2, 3, 4, 4, 4, 6, 8, 12, 24]


@pytest.mark.parametrize("name", ["S3", "A4", "Q8", "Dic3", "Z2xZ2", "F21"])
def test_linear_characters_of_the_whole_group_are_its_one_dimensional_irreducibles(
    name: str,
) -> None:
    group = parse(name)
    whole = Subgroup(tuple(range(group.order)), group.generators)
    phases = linear_characters(group, whole)
    assert not phases[0].any()
    found = np.exp(2j * np.pi * phases / group.exponent)
    table = character_table(group)
    linear = table.on_elements[[d == 1 for d in table.dimensions]].numpy()
    assert len(found) == len(linear)
    overlaps = np.abs(found @ linear.conj().T) / group.order
    np.testing.assert_allclose(np.sort(overlaps, axis=1)[:, -1], 1)
