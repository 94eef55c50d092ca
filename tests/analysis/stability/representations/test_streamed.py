"""CKA over batches: equal to what memory gives, whatever the batches; the estimate near it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.stability.representations.cka import cka
from analysis.stability.representations.streamed import MinibatchCKA, StreamedCKA


def seeds(inputs: int, generator: torch.Generator) -> list[torch.Tensor]:
    shared = torch.randn(inputs, 4, generator=generator, dtype=torch.float64)
    own = [torch.randn(inputs, p, generator=generator, dtype=torch.float64) for p in (4, 6, 9)]
    return [torch.cat([shared, each], 1) * 10**k for k, each in enumerate(own)]


@settings(max_examples=15, deadline=None)
@given(st.integers(4, 300), st.integers(1, 60), st.integers(0, 99))
def test_the_stream_equals_the_whole(inputs: int, batch: int, seed: int) -> None:
    x = seeds(inputs, torch.Generator().manual_seed(seed))
    stream = StreamedCKA()
    for parts in zip(*(each.split(batch) for each in x), strict=True):
        stream.update(parts)
    assert stream.inputs == inputs
    torch.testing.assert_close(stream.result(), cka(x), atol=1e-8, rtol=0)


def test_many_batches_that_drift_far_from_the_first(generator: torch.Generator) -> None:
    x = torch.randn(3, 2000, 5, generator=generator, dtype=torch.float64)
    x += 1e3 + torch.linspace(0, 5, 2000, dtype=torch.float64)[None, :, None]
    stream = StreamedCKA()
    for part in x.split(7, dim=1):
        stream.update(part)
    torch.testing.assert_close(stream.result(), cka(x, batch=2000), atol=1e-8, rtol=0)


def test_the_minibatch_estimate_is_near_and_equal_for_one_batch(
    generator: torch.Generator,
) -> None:
    shared = torch.randn(4000, 8, generator=generator)
    x = torch.randn(3, 4000, 8, generator=generator) + shared
    stream, whole = MinibatchCKA(), MinibatchCKA()
    whole.update(x[:, :100])
    torch.testing.assert_close(whole.result(), cka(x[:, :100]), atol=1e-6, rtol=0)
    for part in x.split(200, dim=1):
        stream.update(part)
    assert stream.batches == 20
    torch.testing.assert_close(stream.result(), cka(x, batch=4000), atol=0.02, rtol=0)


def test_a_constant_seed_is_nan(generator: torch.Generator) -> None:
    x = torch.randn(3, 60, 4, generator=generator)
    x[1] = 0.1
    for stream in (StreamedCKA(), MinibatchCKA()):
        for part in x.split(20, dim=1):
            stream.update(part)
        found = stream.result()
        assert bool(found[1].isnan().all())
        assert bool(found[0, [0, 2]].isfinite().all())


def test_mistakes_are_named() -> None:
    stream = StreamedCKA()
    with pytest.raises(ValueError, match="at least 4 before a result, got 0"):
        stream.result()
    stream.update(torch.randn(2, 5, 3))
    with pytest.raises(ValueError, match=r"widths \[3, 3\], got \[3, 4\]"):
        stream.update([torch.randn(5, 3), torch.randn(5, 4)])
    bad = torch.zeros(2, 3, 3)
    bad[1, 2] = torch.nan
    with pytest.raises(ValueError, match="nan from seed 1 at input 2"):
        stream.update(bad)
    assert stream.inputs == 5
    with pytest.raises(ValueError, match="at most 16384 in all"):
        StreamedCKA().update(torch.zeros(2, 1, 9000))


@pytest.mark.parametrize("kind", [StreamedCKA, MinibatchCKA])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_a_first_batch_that_is_constant_fixes_no_scale(
    kind: type[StreamedCKA | MinibatchCKA], scale: float, generator: torch.Generator
) -> None:
    x = torch.randn(2, 60, 5, generator=generator)
    x[1, :, :4] = x[0, :, :4]
    x[:, :8] = x[:, :1]
    expected, found = kind(), kind()
    expected.update(x[:, 8:])
    found.update(x[:, :8] * scale)
    found.update(x[:, 8:] * scale)
    wanted = expected.result() if kind is MinibatchCKA else cka(x)
    torch.testing.assert_close(found.result(), wanted, atol=1e-5, rtol=0)
