"""Parameters are compared with the symmetry divided out, where one optimum is claimed."""

import pytest
import torch

from analysis.parameter_spread import parameter_spread
from interpretable_arch.certificate import Certificate
from interpretable_arch.models.group_mlp import EXAMPLES, GroupMLP
from interpretable_arch.symmetry import weights


class Claims(GroupMLP):
    def certificate(self) -> Certificate:
        return Certificate("unique up to the order of neurons", ())


def claiming(seed: int) -> Claims:
    torch.manual_seed(seed)
    return Claims(EXAMPLES["plain"]).double()


def test_copies_that_differ_by_the_symmetry_are_equal(generator):
    one, copy = claiming(0), claiming(0)
    symmetry = one.symmetry()
    copy.load_state_dict(symmetry.act(symmetry.sample(generator), weights(one)))
    assert parameter_spread([one, copy]) <= 1e-12


def test_the_largest_entry_of_the_furthest_seed_counts():
    one, near = claiming(0), claiming(0)
    with torch.no_grad():
        next(near.parameters()).add_(1e-3)
    assert parameter_spread([one, near]) == pytest.approx(1e-3, rel=0.2)
    assert parameter_spread([one, near, claiming(1)]) > 0.1


def test_what_a_model_notes_of_its_fit_is_no_parameter():
    one, other = claiming(0), claiming(0)
    for value, model in ((0.0, one), (1.0, other)):
        model.register_buffer("noted", torch.tensor(value))
    assert parameter_spread([one, other]) == 0


def test_nothing_is_said_of_one_seed_or_of_models_that_claim_nothing():
    plain = GroupMLP(EXAMPLES["plain"])
    assert parameter_spread([plain, plain]) is None
    assert parameter_spread([claiming(0)]) is None
