"""Wide representations are narrowed to as many features as inputs: what is compared stays."""

import torch

from analysis.stability.representations.cka import cka, constant_seeds
from analysis.stability.sites import narrowed


def test_inner_products_and_similarities_stay(float64, generator):
    wide = torch.randn(4, 12, 300, generator=generator)
    narrow = torch.stack([narrowed(features) for features in wide])
    assert narrow.shape == (4, 12, 12)
    torch.testing.assert_close(narrow @ narrow.mT, wide @ wide.mT)
    torch.testing.assert_close(cka(narrow), cka(wide))


def test_what_is_narrow_is_left_alone(generator):
    features = torch.randn(12, 5, generator=generator)
    assert narrowed(features) is features


def test_one_answer_for_all_inputs_is_still_seen_as_constant(generator):
    features = torch.randn(1, 3000, generator=generator).expand(100, -1)
    assert constant_seeds(narrowed(features)[None]) == (0,)


def test_what_is_not_finite_stays_so():
    assert not narrowed(torch.full((3, 9), torch.nan)).isfinite().all()
