"""Alignment of models trained apart: never further than any start, exact for copies."""

from itertools import permutations

import pytest
import torch
from dense_models import dense, symmetry_of
from registered_examples import CASES, cases, example, parameters

from interpretable_arch.alignment.descent import align
from interpretable_arch.alignment.objective import distance, distance_under

KINDS = ("transformer", "group_mlp", "sparse_autoencoder", "bilinear")
FOUR = [case for case in CASES if case[0] in KINDS]


@cases
def test_no_registered_model_ends_further_than_it_starts_and_copies_are_found(
    float64, generator, name, which
):
    model = example(name, which)
    here, other, symmetry = parameters(model), parameters(example(name, which, 5)), model.symmetry()
    found = align(here, other, symmetry, restarts=0, worth=1e-2)
    one_pass = symmetry.align(here, other)
    nearest = min(distance(here, other), distance_under(one_pass, here, other, symmetry))
    assert found.distance <= nearest * (1 + 1e-9)
    assert distance_under(found.element, here, other, symmetry) == pytest.approx(found.distance)
    assert all(a.after <= a.before * (1 + 1e-9) for a in found.attempts)
    copy = symmetry.act(symmetry.sample(generator), here)
    assert align(here, copy, symmetry, restarts=0).distance <= 1e-8


def test_two_units_by_hand():
    here = {"W0": torch.tensor([[1.0, 2.0]]), "W1": torch.tensor([[3.0], [4.0]])}
    there = {"W0": torch.tensor([[2.1, 1.0]]), "W1": torch.tensor([[4.0], [3.0]])}
    found = align(here, there, symmetry_of((1, 2, 1)))
    assert found.distance == pytest.approx(0.1 / (2.1**2 + 1 + 16 + 9) ** 0.5, rel=1e-4)
    assert found.element[0][1].tolist() == [[1, 0]]


def test_it_is_the_least_over_all_permutations(float64):
    widths = (2, 4, 4, 2)
    symmetry = symmetry_of(widths)
    orders = [torch.tensor(p)[None] for p in permutations(range(4))]
    for seed in range(3):
        here, there = dense(widths, seed), dense(widths, seed + 10)
        least = min(
            distance_under(((0, p), (1, q)), here, there, symmetry) for p in orders for q in orders
        )
        found = align(here, there, symmetry, restarts=20)
        assert least - 1e-12 <= found.distance <= least * 1.001


def test_models_that_are_no_copies_come_nearer_than_by_one_pass(float64):
    for seed in range(2):
        here, there = example("transformer", "learned", seed), example("transformer", "learned", 9)
        symmetry = here.symmetry()
        found = align(parameters(here), parameters(there), symmetry, restarts=0)
        one_pass = next(a for a in found.attempts if a.start.startswith("one pass"))
        assert one_pass.after < one_pass.before / 2
        assert found.distance < distance(parameters(here), parameters(there))


def test_restarts_are_reproducible_and_are_listed(float64):
    here, there = dense((3, 8, 8, 2), 0), dense((3, 8, 8, 2), 1)
    symmetry = symmetry_of((3, 8, 8, 2))
    first, second = (align(here, there, symmetry, restarts=3) for _ in range(2))
    assert first.distance == second.distance
    assert [a.start for a in first.attempts][-3:] == [f"random element {k}" for k in range(3)]


def test_what_cannot_be_aligned_is_said():
    symmetry, here = symmetry_of((3, 4, 2)), dense((3, 4, 2), 0)
    with pytest.raises(ValueError, match="W1: wanted shape"):
        align({**here, "W1": torch.zeros(4, 3)}, here, symmetry)
    bad = here["W0"].clone()
    bad[0, 0] = torch.nan
    with pytest.raises(ValueError, match="W0: wanted finite numbers, got 1"):
        align({**here, "W0": bad}, here, symmetry)
    with pytest.raises(ValueError, match="names"):
        align({"W0": here["W0"]}, here, symmetry)
    with pytest.raises(ValueError, match="restarts"):
        align(here, here, symmetry, restarts=-1)


@pytest.mark.parametrize(("name", "which"), FOUR)
def test_the_element_found_leaves_what_is_computed(float64, generator, name, which):
    model, other = example(name, which), example(name, which, 5)
    here = parameters(model)
    found = align(here, parameters(other), model.symmetry(), restarts=0, worth=1e-2)
    inputs = model.example_inputs(6, generator)
    moved = model.symmetry().act(found.element, here)
    answers = [torch.func.functional_call(model, w, (inputs,)) for w in (here, moved)]
    torch.testing.assert_close(answers[1], answers[0], atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_widened(generator, dtype):
    symmetry = symmetry_of((3, 8, 2))
    here = {n: v.to(dtype) for n, v in dense((3, 8, 2), 0).items()}
    copy = symmetry.act(symmetry.sample(generator), here)
    assert align(here, copy, symmetry).distance <= 1e-6
