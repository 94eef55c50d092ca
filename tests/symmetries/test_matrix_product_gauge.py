"""The gauge of a Born machine: composition, inverse, canonical elements."""

import pytest
import torch

from interpretable_arch.maths.processes.uniform_mps import handedness, isometric
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


@pytest.mark.parametrize("kind", [LinearGauge, UnitaryGauge])
@pytest.mark.parametrize("vocab", [2, 3])
def test_two_tokens_tie_and_the_mirror_image_is_still_told_apart(kind, vocab, generator):
    """With two tokens, row 1 of the sum being real, imaginary parts come in equal pairs."""
    group = kind(vocab, 2)
    for _ in range(20):
        x = flat(group, generator)
        if kind is UnitaryGauge:
            x = isometric(x[0].view(vocab, 2, 2)).flatten(1)[None]
        once = group.apply(group.canonical([(x, "direct")]), x, "direct")
        assert float(handedness(once[0].view(vocab, 2, 2))) > 0
        for _ in range(3):
            y = group.apply(group.sample(1, generator, torch.float64), x, "direct")
            again = group.apply(group.canonical([(y, "direct")]), y, "direct")
            torch.testing.assert_close(again, once, rtol=0, atol=1e-8)


def test_fit_finds_the_mirror_image_of_what_is_hardly_complex(generator):
    group, eye = LinearGauge(2, 2), torch.eye(2, dtype=torch.complex128).flatten()
    real = torch.randn(1, 2, 4, generator=generator, dtype=torch.float64)
    x = torch.complex(real, 1e-8 * torch.randn(1, 2, 4, generator=generator).double())
    for sign in (1, -1):
        g = torch.cat([torch.tensor([sign + 0j]), eye, torch.ones(2) + 0j])[None]
        y = group.apply(g, x, "direct")
        found = group.fit([(x, y, "direct")])
        torch.testing.assert_close(group.apply(found, x, "direct"), y, rtol=0, atol=1e-11)


def test_dimensions_by_hand():
    assert LinearGauge(5, 1).dimension == 1 + 5
    assert LinearGauge(5, 1).log_order == 0
    assert UnitaryGauge(5, 2).dimension == 3 + 5
