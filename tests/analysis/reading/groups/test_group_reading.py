import json
import math

import pytest
import sympy
import torch
from torch import Tensor

from analysis.reading.groups.representation import homomorphism_defect, read_group
from analysis.reading.intertwiners import direct_sum
from interpretable_arch.maths.groups.characters import character_table
from interpretable_arch.maths.groups.finite_groups import FiniteGroup, parse
from interpretable_arch.maths.groups.irreducibles import irreducibles


def unitary(size: int, generator: torch.Generator) -> Tensor:
    return torch.linalg.qr(torch.randn(size, size, dtype=torch.cdouble, generator=generator))[0]


def planted(
    group: FiniteGroup, copies: list[int], generator: torch.Generator, noise: float = 0.0
) -> Tensor:
    """U (direct sum) U* A_e with U and A_e random unitary, noise of the given root mean square."""
    sums = direct_sum(irreducibles(group), copies)
    d = sums.shape[-1]
    U = unitary(d, generator)
    tokens = torch.einsum("ij,gjk,lk,lm->gim", U, sums, U.conj(), unitary(d, generator))
    return tokens + noise / d**0.5 * torch.randn(
        tokens.shape, dtype=torch.cdouble, generator=generator
    )


def regular_less_trivial(group: FiniteGroup) -> list[int]:
    return [0, *character_table(group).dimensions[1:]]


@pytest.mark.parametrize(
    "name", ["S3", "S4", "A5", "D5", "Z7", "Z12", "Q8", "Dic3", "F21", "S3xZ2"]
)
def test_the_planted_optimum_is_read_exactly(name: str, generator: torch.Generator) -> None:
    group = parse(name)
    copies = regular_less_trivial(group)
    reading = read_group(planted(group, copies, generator), group)
    assert [m.copies for m in reading.multiplicities] == copies
    assert max(m.distance for m in reading.multiplicities) < 1e-10
    assert reading.residual is not None
    assert reading.residual < 1e-10
    assert max(reading.defect, reading.off_identity, reading.unitarity) < 1e-9
    assert reading.margin == pytest.approx(group.order / (group.order - 1))
    assert reading.intertwiner is not None
    T = reading.intertwiner.matrix
    torch.testing.assert_close(T @ T.mH, torch.eye(len(T), dtype=torch.cdouble))


@pytest.mark.parametrize(
    ("name", "copies", "label"),
    [
        ("S3", [1, 0, 3], "(3) + (2,1)*3"),
        ("Z3", [0, 1, 1], "1b + 1c"),
        ("Z3", [0, 2, 0], "1b*2"),
        ("Q8", [0, 0, 1, 0, 2], "1c + 2a*2"),
        ("F21", [0, 0, 0, 2, 1], "3a*2 + 3b"),
        ("S4", [0, 0, 0, 2, 2], "(3,1)*2 + (2,1,1)*2"),
        ("A5", [0, 1, 2, 0, 0], "3a + 3b*2"),
    ],
)
def test_repeated_and_conjugate_blocks_are_told_apart_under_noise(
    name: str, copies: list[int], label: str, generator: torch.Generator
) -> None:
    group = parse(name)
    reading = read_group(planted(group, copies, generator, noise=0.01), group)
    assert reading.label == label
    assert reading.intertwiner is not None
    used = [(rho.name, m) for rho, m in zip(irreducibles(group), copies, strict=True) if m]
    assert list(reading.intertwiner.blocks) == used
    assert 1e-4 < reading.intertwiner.residual < 0.05
    assert max(reading.intertwiner.residuals) < 0.05
    assert [form.name for form in reading.irreducibles] == [rho for rho, _ in used]


def test_the_intertwiner_carries_the_trained_matrices_to_the_exact_ones(
    generator: torch.Generator,
) -> None:
    group = parse("Q8")
    copies = [0, 1, 0, 0, 2]
    tokens = planted(group, copies, generator, noise=1e-3)
    reading = read_group(tokens, group)
    assert reading.intertwiner is not None
    T, e = reading.intertwiner.matrix, group.identity
    exact = direct_sum(irreducibles(group), copies)
    worst = max(
        float((T @ tokens[g] @ tokens[e].mH @ T.mH - exact[g]).norm() / 5**0.5)
        for g in range(group.order)
    )
    assert worst == pytest.approx(reading.residual)
    assert 1e-4 < worst < 5e-3


def test_the_reading_does_not_depend_on_the_basis(generator: torch.Generator) -> None:
    group = parse("S4")
    tokens = planted(group, regular_less_trivial(group), generator, noise=0.01)
    U = unitary(tokens.shape[-1], generator)
    first = read_group(tokens, group)
    second = read_group(torch.einsum("ij,gjk,lk->gil", U, tokens, U.conj()), group)
    assert first.label == second.label
    assert first.residual == pytest.approx(second.residual, rel=0.05)
    assert first.defect == pytest.approx(second.defect, rel=1e-6)
    for one, other in zip(first.characters, second.characters, strict=True):
        assert (one.real, one.imaginary) == pytest.approx((other.real, other.imaginary), abs=1e-9)


def test_the_defect_is_the_worst_of_all_products(generator: torch.Generator) -> None:
    group = parse("Dic3")
    B = torch.randn(12, 4, 4, dtype=torch.cdouble, generator=generator)
    pairs = [(g, h) for g in range(12) for h in range(12)]
    slow = max(float((B[g] @ B[h] - B[group.table[g, h]]).norm()) / 2 for g, h in pairs)
    assert homomorphism_defect(B, group) == pytest.approx(slow)


def test_omega_twice_on_z3_is_not_the_optimum(generator: torch.Generator) -> None:
    """It has the right real character, so only the imaginary part gives it away."""
    group = parse("Z3")
    reading = read_group(planted(group, [0, 2, 0], generator), group)
    assert reading.characters[1].real == pytest.approx(-1)
    assert reading.off_identity == pytest.approx(math.sqrt(3))


def test_a_table_that_is_not_faithful_has_no_margin(generator: torch.Generator) -> None:
    reading = read_group(planted(parse("S4"), [0, 1, 1, 0, 0], generator), parse("S4"))
    assert reading.margin == pytest.approx(0)


def test_random_matrices_hold_no_representation(generator: torch.Generator) -> None:
    group = parse("S4")
    tokens = torch.stack([unitary(23, generator) for _ in range(24)])
    reading = read_group(tokens, group)
    assert (reading.label, reading.residual, reading.irreducibles) == ("none", None, ())
    assert reading.defect > 1
    assert reading.to_mapping()["intertwiner"] is None


def test_matrices_of_another_group_are_not_taken_for_this_one(generator: torch.Generator) -> None:
    wrong = read_group(planted(parse("D4"), [0, 1, 1, 1, 2], generator), parse("Q8"))
    assert wrong.defect > 0.5
    assert wrong.label == "none" or wrong.residual > 0.5


def test_trap_a_right_character_with_unrelated_bases_is_no_representation(
    generator: torch.Generator,
) -> None:
    """Each element of Z2xZ2 has the trace of the optimum, each in a basis of its own."""
    group = parse("Z2xZ2")
    tokens = torch.eye(3, dtype=torch.cdouble).repeat(4, 1, 1)
    for g in range(1, 4):
        U = unitary(3, generator)
        tokens[g] = U @ torch.diag(torch.tensor([1, -1, -1], dtype=torch.cdouble)) @ U.mH
    reading = read_group(tokens, group)
    assert max(m.distance for m in reading.multiplicities) < 1e-10
    assert reading.defect > 0.5
    assert (reading.label, reading.margin, reading.intertwiner) == ("none", None, None)


def test_the_identity_says_whether_the_matrices_themselves_are_a_representation(
    generator: torch.Generator,
) -> None:
    group = parse("S3")
    sums = direct_sum(irreducibles(group), [0, 1, 2])
    assert read_group(sums, group).identity < 1e-12
    turned = read_group(sums @ unitary(5, generator), group)
    assert turned.label == read_group(sums, group).label
    assert turned.defect < 1e-10
    assert turned.identity > 0.5


def test_real_orthogonal_matrices_are_read_too() -> None:
    group = parse("S4")
    B = irreducibles(group)[3].matrices.real
    reading = read_group(B, group)
    assert reading.label == "(3,1)"
    assert reading.residual == pytest.approx(0, abs=1e-12)


def test_a_seed_is_plain_data_and_its_formulas_are_sympys(generator: torch.Generator) -> None:
    group = parse("A5")
    reading = read_group(planted(group, [0, 2, 0, 1, 0], generator), group)
    plain = json.loads(json.dumps(reading.to_mapping(), allow_nan=False))
    assert plain["label"] == "3a*2 + 4a"
    assert plain["intertwiner"]["blocks"] == [["3a", 2], ["4a", 1]]
    for form, name in zip(plain["irreducibles"], ("3a", "4a"), strict=True):
        rho = next(rho for rho in irreducibles(group) if rho.name == name)
        assert form["products"] == 60 * len(group.generators)
        assert form["product_error"] < 1e-12
        for generator_index, formula in zip(group.generators, form["matrices"], strict=True):
            assert sympy.sympify(formula["srepr"]) == rho.exact(generator_index)
        restored = [sympy.sympify(x["srepr"]) for x in form["characters"]]
        assert tuple(restored) == character_table(group).exact(name)
        assert form["characters"][0]["latex"] == str(form["dimension"])


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (torch.eye(2).repeat(3, 1, 1), r"wanted \[6, d, d\] for S3, got \[3, 2, 2\]"),
        (torch.ones(6, 2, 3), r"got \[6, 2, 3\]"),
        (torch.eye(2).repeat(6, 1, 1) * math.nan, "wanted finite entries"),
    ],
)
def test_other_shapes_and_diverged_matrices_are_refused(tokens: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_group(tokens, parse("S3"))
