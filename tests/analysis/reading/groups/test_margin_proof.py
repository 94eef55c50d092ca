import math

import numpy as np
import pytest
import sympy
import torch

from analysis.reading.groups.margin_proof import margin_proof
from analysis.reading.groups.theory import proof_finding
from interpretable_arch.maths.groups.characters import character_table
from interpretable_arch.maths.groups.finite_groups import parse

NAMES = ["Z2", "Z3", "S3", "Q8", "Z12", "A4", "F21", "S4", "Z24", "A5", "S3xD5"]


@pytest.mark.parametrize("name", NAMES)
def test_every_step_holds(name: str) -> None:
    proof = margin_proof(parse(name))
    assert proof.holds
    assert len(proof.steps) == 11
    assert len({step.name for step in proof.steps}) == 11


@pytest.mark.parametrize("name", NAMES)
def test_the_multiplicities_are_those_of_the_character_summed_in_numbers(name: str) -> None:
    group = parse(name)
    table, n = character_table(group), group.order
    chi = torch.full((n,), -1 / (n - 1), dtype=torch.cdouble)  # at d = 1
    chi[group.identity] = 1
    inner = (table.on_elements.conj() @ chi / n).numpy()
    d = sympy.Symbol("d")
    found = [
        float(sympy.sympify(text).subs(d, 1)) for *_, text in margin_proof(group).multiplicities
    ]
    np.testing.assert_allclose(inner, found, atol=1e-12)


def test_the_real_part_alone_admits_omega_twice_on_z3() -> None:
    """The trap: omega I_2 has real character -1 off the identity, and loss 3/2 once |z| counts."""
    proof = margin_proof(parse("Z3"))
    assert proof.others_count == 2
    assert {o.label for o in proof.others} == {"1b 0 times, 1c 2 times", "1b 2 times, 1c 0 times"}
    omega = np.exp(2j * np.pi * np.arange(3) / 3)
    z = omega  # tr(omega^k I_2) / 2
    targets = np.array([1, -0.5, -0.5])
    assert np.abs(z.real - targets).max() < 1e-12
    assert float(proof.others[0].loss) == pytest.approx(float((np.abs(z - targets) ** 2).sum()))


@pytest.mark.parametrize("name", ["Z5", "F21", "A4"])
def test_the_other_solutions_have_that_real_part_and_that_loss(name: str) -> None:
    group = parse(name)
    table, n = character_table(group), group.order
    proof = margin_proof(group)
    complex_pairs = [d for d, kind in zip(table.dimensions, table.types, strict=True)
                     if kind == "complex"]  # fmt: skip
    assert proof.others_count == math.prod(2 * d + 1 for d in complex_pairs[::2]) - 1
    for other in proof.others:
        copies = [0, *table.dimensions[1:]]
        for part in other.label.replace(";", ",").split(", "):
            irreducible, times = part.strip().split(" ")[:2]
            copies[table.index(irreducible)] = int(times)
        chi = torch.tensor(copies, dtype=torch.cdouble) @ table.on_elements
        wanted = torch.full((n,), -1.0, dtype=torch.double)
        wanted[group.identity] = n - 1
        torch.testing.assert_close(chi.real, wanted)
        loss = float((chi - wanted).abs().square().sum()) / (n - 1) ** 2
        assert loss == pytest.approx(float(other.loss))


@pytest.mark.parametrize("name", ["S4", "Q8", "Z2xZ2", "D5"])
def test_real_and_quaternionic_groups_have_no_other_solution(name: str) -> None:
    assert margin_proof(parse(name)).others_count == 0


def test_no_representation_drawn_at_random_has_a_larger_margin() -> None:
    rng = np.random.default_rng(0)
    for name in ("S4", "F21", "Z12", "Q8"):
        table = character_table(parse(name))
        n = table.group.order
        for _ in range(50):
            copies = torch.from_numpy(rng.integers(0, 4, len(table.names))).to(torch.cdouble)
            chi = copies @ table.values
            if float(chi[0].real) > 0:
                margin = float((1 - chi[1:].real / chi[0].real).min())
                assert margin <= n / (n - 1) + 1e-12


def test_the_finding_shows_the_steps() -> None:
    finding = proof_finding(margin_proof(parse("F21")))
    assert finding.figures["steps that hold, share"] == 1
    assert finding.figures["largest margin"] == pytest.approx(21 / 20)
    titles = [exhibit.title for exhibit in finding.exhibits]
    assert titles[0] == "The margin proof"
    assert titles[2].startswith("What a loss on the real part alone also allows")


def test_one_element_has_no_margin() -> None:
    with pytest.raises(ValueError, match="at least two elements, got 1"):
        margin_proof(parse("Z1"))
