"""Certificates: what they say of a model, its transformed copies have too."""

import json

import numpy as np
import pytest
from registered_examples import cases, example, parameters


@cases
def test_a_certificate_is_plain_and_invariant(float64, name, which, generator):
    model = example(name, which).eval()
    if not hasattr(model, "certificate"):
        pytest.skip("claims no uniqueness")
    first, symmetry = model.certificate(), model.symmetry()
    assert first.unique
    assert first.conditions
    json.dumps(first.to_mapping())
    model.load_state_dict(symmetry.act(symmetry.sample(generator), parameters(model)))
    second = model.certificate()
    assert second.unique == first.unique
    assert [c.name for c in second.conditions] == [c.name for c in first.conditions]
    assert list(second.figures) == list(first.figures)
    np.testing.assert_allclose(
        [*(c.value for c in second.conditions), *second.figures.values()],
        [*(c.value for c in first.conditions), *first.figures.values()],
        rtol=1e-6,
        atol=1e-9,
    )
