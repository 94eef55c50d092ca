"""Certificates: what they say of a model, its transformed copies have too."""

import json

import pytest
from registered_examples import cases, example, inputs

from interpretable_arch.laws import certificate_gap


@cases
def test_a_certificate_is_plain_and_invariant(float64, name, which):
    model = example(name, which).eval()
    if not hasattr(model, "certificate"):
        pytest.skip("claims no uniqueness")
    found = model.certificate()
    assert found.unique
    assert found.conditions
    json.dumps(found.to_mapping())
    assert certificate_gap(model, inputs(model)) <= 1e-6
