"""Copies in another basis come to one form; where none is preferred, the coordinates are named."""

import torch

from interpretable_arch.maths.processes.gramians import discount_of, reached, told_apart
from interpretable_arch.symmetries.general_linear import (
    _first_largest_sign,
    automaton_factors,
    undetermined,
)
from interpretable_arch.symmetry import Symmetry
from training.data.hidden_process import Kind, planted


def values(model) -> dict:
    return {
        name: torch.as_tensor(part).clone()
        for name, part in zip(("start", "operators", "end"), model, strict=True)
    }


def process(kind: Kind, states: int, symbols: int) -> tuple:
    found = planted(kind, states=states, symbols=symbols)
    return tuple(torch.as_tensor(p) for p in (found.start, found.operators, found.end))


def test_the_canonical_basis_is_balanced(float64) -> None:
    model = process("hmm", 3, 4)
    found = Symmetry(automaton_factors(3)).canonical(values(model))
    a, A, b = found["start"], found["operators"], found["end"]
    z = discount_of((a, A, b))
    P, Q = reached((a, A, b), (a, A, b), z), told_apart((a, A, b), (a, A, b), z)
    torch.testing.assert_close(P, Q)
    torch.testing.assert_close(P, P.diagonal().diag())
    assert (P.diagonal().diff() < 0).all()
    torch.testing.assert_close(a @ b, torch.tensor(1.0))
    torch.testing.assert_close(a @ A.sum(0) @ b, torch.tensor(1.0))


def test_two_copies_agree_to_1e_8_and_signs_with_them(float64, generator) -> None:
    symmetry = Symmetry(automaton_factors(4))
    first = values(process("hmm", 4, 5))
    wanted = symmetry.canonical(first)
    for _ in range(10):
        moved = symmetry.act(symmetry.sample(generator), first)
        for name, value in symmetry.canonical(moved).items():
            torch.testing.assert_close(value, wanted[name], rtol=0, atol=1e-8)


def test_equal_singular_values_are_named(float64) -> None:
    # The published process treats its two bases alike: two of its states can be turned freely.
    model = process("two_states_four_symbols", 2, 4)
    canonical = Symmetry(automaton_factors(4)).canonical(values(model))
    notes = undetermined((canonical["start"], canonical["operators"], canonical["end"]))
    assert any("states 1 and 2 have equal Hankel singular values" in note for note in notes)
    # A density matrix has four coordinates; three of them are ever reached here.
    assert any("states 3 to 3 are never reached" in note for note in notes)


def test_a_unique_form_has_no_notes(float64) -> None:
    assert undetermined(process("hmm", 3, 4)) == ()


def test_entries_equal_but_for_rounding_do_not_decide_a_sign_between_them(float64) -> None:
    rows = torch.tensor([[1.0, -1.0, 0.5], [-1.0, 1.0, -1.0]])
    for change in (0.0, 1e-12, -1e-12):
        nudged = torch.stack([rows[0], rows[1] * (1 + change)])
        assert _first_largest_sign(nudged).tolist() == [1.0, -1.0, -1.0]
