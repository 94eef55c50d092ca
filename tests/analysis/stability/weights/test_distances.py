"""Quotient distances: 0 between copies, at most the raw ones, symmetric."""

import pytest
import torch
from dense_models import dense, symmetry_of
from registered_examples import example, parameters

from analysis.stability.weights.barycentre import barycentre
from analysis.stability.weights.distances import quotient_distances, raw_distances
from analysis.stability.weights.planted import planted_recovery
from interpretable_arch.alignment.objective import distance

WIDTHS = (4, 10, 10, 3)


def test_copies_are_at_0_and_others_no_further_than_raw(float64, generator):
    first, second = (parameters(example("transformer", "learned", s)) for s in (0, 5))
    symmetry = example("transformer", "learned").symmetry()
    models = [first, symmetry.act(symmetry.sample(generator), first), second]
    found, raw = quotient_distances(models, symmetry, restarts=0), raw_distances(models)
    assert found[0, 1] <= 1e-8
    assert bool((found <= raw + 1e-12).all())
    assert torch.equal(found, found.T)
    assert float(found[0, 2]) > 0.5


def test_raw_distances_by_hand_and_against_a_loop():
    a, b = {"w": torch.tensor([3.0, 4.0])}, {"w": torch.tensor([0.0, 4.0])}
    assert raw_distances([a, b])[0, 1] == pytest.approx(3 / 5)
    models = [dense(WIDTHS, seed) for seed in range(4)]
    found = raw_distances(models)
    for i in range(4):
        for j in range(4):
            both = distance(models[i], models[j]), distance(models[j], models[i])
            assert float(found[i, j]) == pytest.approx(min(both), abs=1e-9)


def test_starting_from_the_barycentre_does_about_as_well(float64):
    models, symmetry = [dense(WIDTHS, seed) for seed in range(4)], symmetry_of(WIDTHS)
    middle = barycentre(models, symmetry)
    quick = quotient_distances(models, symmetry, carried=middle.elements)
    slow = quotient_distances(models, symmetry, restarts=4)
    assert float((quick - slow).abs().max()) < 0.1


def test_no_models_and_a_wrong_number_of_elements_are_refused():
    with pytest.raises(ValueError, match="at least one model"):
        quotient_distances([], symmetry_of(WIDTHS))
    with pytest.raises(ValueError, match="carried: wanted one a model, 2, got 1"):
        quotient_distances([dense(WIDTHS, 0)] * 2, symmetry_of(WIDTHS), carried=[()])


def test_counts_and_masks_are_no_weights():
    models = [dense(WIDTHS, seed) for seed in range(2)]
    kept = [
        {**m, "batches": torch.tensor(10**5), "mask": torch.ones(4, dtype=torch.bool)}
        for m in models
    ]
    assert torch.equal(raw_distances(kept), raw_distances(models))
    assert distance(*kept) == distance(*models)
    none = raw_distances([{"batches": torch.tensor(n)} for n in (1, 2)])
    assert none.tolist() == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_widened_wherever_models_are_aligned(generator, dtype):
    symmetry = symmetry_of((3, 8, 2))
    here = {n: v.to(dtype) for n, v in dense((3, 8, 2), 0).items()}
    copy = symmetry.act(symmetry.sample(generator), here)
    assert quotient_distances([here, copy], symmetry)[0, 1] <= 1e-6
    assert barycentre([here, copy], symmetry).distances[1] <= 1e-6
    assert planted_recovery(symmetry, lambda trial: here, trials=2).estimate == 1
