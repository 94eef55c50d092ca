"""The gauge of a Born machine: composition, inverse, canonical elements."""

import pytest
import torch

from interpretable_arch.symmetries.matrix_product import LinearGauge, UnitaryGauge


@pytest.fixture(params=[LinearGauge, UnitaryGauge])
def group(request):
    return request.param(4, 3)


def flat(group, generator) -> torch.Tensor:
    return torch.randn(1, group.vocab, group.d**2, generator=generator, dtype=torch.complex128)


def test_inverse_undoes_with_and_without_conjugation(group, generator):
    x, signs = flat(group, generator), set()
    for _ in range(8):
        g = group.sample(1, generator, torch.float64)
        signs.add(float(g[0, 0].real))
        back = group.apply(group.inverse(g), group.apply(g, x, "direct"), "direct")
        torch.testing.assert_close(back, x)
    assert signs == {-1.0, 1.0}


def test_fit_finds_what_was_done(group, generator):
    x = flat(group, generator)
    for _ in range(4):
        y = group.apply(group.sample(1, generator, torch.float64), x, "direct")
        found = group.fit([(x, y, "direct")])
        torch.testing.assert_close(group.apply(found, x, "direct"), y, rtol=1e-7, atol=1e-8)


def test_the_canonical_form_is_a_fixed_point(group, generator):
    x = flat(group, generator)
    once = group.apply(group.canonical([(x, "direct")]), x, "direct")
    twice = group.apply(group.canonical([(once, "direct")]), once, "direct")
    torch.testing.assert_close(twice, once)


def test_dimensions_by_hand():
    assert LinearGauge(5, 1).dimension == 1 + 5
    assert LinearGauge(5, 1).log_order == 0
    assert UnitaryGauge(5, 2).dimension == 3 + 5
