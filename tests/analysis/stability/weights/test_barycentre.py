"""Copies of one model have themselves as barycentre; the cost falls; the first model stays."""

import pytest
import torch
from dense_models import dense, symmetry_of
from registered_examples import example, parameters

from analysis.stability.weights.barycentre import barycentre
from interpretable_arch.alignment.objective import distance, distance_under

WIDTHS = (4, 12, 12, 3)


@pytest.mark.parametrize("kind", ["dense", "transformer"])
def test_copies_of_one_model_meet_in_it(float64, generator, kind):
    model = example("transformer", "learned")
    first = dense(WIDTHS, 0) if kind == "dense" else parameters(model)
    symmetry = symmetry_of(WIDTHS) if kind == "dense" else model.symmetry()
    copies = [symmetry.act(symmetry.sample(generator), first) for _ in range(3)]
    found = barycentre([first, *copies], symmetry)
    assert max(found.distances) <= 1e-8
    assert distance(found.merged, first) <= 1e-8


def test_the_mean_is_nearer_than_without_alignment_and_elements_lead_there(float64):
    models, symmetry = [dense(WIDTHS, seed) for seed in range(4)], symmetry_of(WIDTHS)
    found = barycentre(models, symmetry, restarts=0)
    plain = {n: torch.stack([m[n] for m in models]).mean(0) for n in models[0]}
    ours = sum(distance(c, found.merged) * _size(found.merged) for c in found.carried)
    assert ours < sum(distance(m, plain) * _size(plain) for m in models)
    assert found.elements[0] == ()
    for g, model, away in zip(found.elements, models, found.distances, strict=True):
        got = distance_under(g, model, found.merged, symmetry)
        assert got == pytest.approx(away)


def test_one_model_is_its_own_mean_and_none_is_refused(float64):
    model, symmetry = dense(WIDTHS, 0), symmetry_of(WIDTHS)
    assert barycentre([model], symmetry).distances == (0.0,)
    with pytest.raises(ValueError, match="at least one model"):
        barycentre([], symmetry)


def _size(parameters):
    return sum(float(v.square().sum()) for v in parameters.values()) ** 0.5
