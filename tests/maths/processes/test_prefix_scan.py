"""The scan equals the loop, forward and backward, however long, large or small the products are."""

import pytest
import torch

from interpretable_arch.maths.processes import prefix_scan
from interpretable_arch.maths.processes.prefix_scan import prefix_products, prefix_states

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


def stochastic(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    rows = torch.rand(*shape, generator=generator, dtype=torch.float64) + 0.1
    return (rows / rows.sum(-1, keepdim=True)).to(dtype)


def loop(matrices: torch.Tensor) -> torch.Tensor:
    product, found = torch.eye(matrices.shape[-1], dtype=matrices.dtype), []
    for matrix in matrices.unbind(-3):
        product = product @ matrix
        found.append(product.expand_as(matrix))
    return torch.stack(found, -3)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 7, 8, 33, 256])
def test_every_prefix_is_the_product_of_the_loop(dtype, length):
    matrices = stochastic(2, 3, length, 4, 4, dtype=dtype)
    products, logs = prefix_products(matrices)
    wanted, tolerance = loop(matrices), TOLERANCE[dtype]
    torch.testing.assert_close(
        products * logs.exp()[..., None, None], wanted, rtol=tolerance, atol=tolerance
    )
    assert float((products.abs().amax((-2, -1)) - 1).abs().max()) < 1e-6


def test_two_by_hand():
    a, b = torch.tensor([[1.0, 2.0], [0.0, 1.0]]), torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    products, logs = prefix_products(torch.stack([a, b]))
    torch.testing.assert_close(products[1] * logs[1].exp(), torch.tensor([[2.0, 1.0], [1.0, 0.0]]))
    states, logs = prefix_states(torch.tensor([1.0, 1.0]), torch.stack([a, b]))
    torch.testing.assert_close(states * logs.exp()[:, None], torch.tensor([[1.0, 3.0], [3.0, 1.0]]))


@pytest.mark.parametrize("large_step", [0, 10**9])
def test_states_and_gradients_are_those_of_the_loop(monkeypatch, large_step):
    """Both ways, the scan and the loop that large steps take."""
    monkeypatch.setattr(prefix_scan, "LARGE_STEP", large_step)
    matrices = stochastic(3, 37, 4, 4).requires_grad_()
    start = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    states, logs = prefix_states(start.expand(3, 4), matrices)
    wanted = torch.einsum("a,btac->btc", start, loop(matrices))
    torch.testing.assert_close(states * logs.exp()[..., None], wanted)
    weight = torch.cos(torch.arange(wanted.numel(), dtype=torch.float64)).view_as(wanted)
    got = torch.autograd.grad((weight * states * logs.exp()[..., None]).sum(), matrices)[0]
    torch.testing.assert_close(got, torch.autograd.grad((weight * wanted).sum(), matrices)[0])


@pytest.mark.parametrize("size", [1e-3, 1e3])
def test_long_products_neither_overflow_nor_vanish(size):
    matrices = (size * stochastic(5000, 3, 3)).float()
    products, logs = prefix_products(matrices)
    assert bool(products.isfinite().all() and logs.isfinite().all())
    # Rows of stochastic matrices sum to one, so that the scale alone grows.
    total = logs.double() + products.double().sum(-1).mean(-1).log()
    place = torch.arange(1, 5001, dtype=torch.float64)
    torch.testing.assert_close(
        total, place * torch.tensor(size, dtype=torch.float64).log(), rtol=1e-5, atol=1e-2
    )


def test_a_product_of_zero_stays_zero_and_spoils_nothing():
    matrices = stochastic(2, 9, 3, 3)
    matrices[0, 4] = 0
    states, logs = prefix_states(torch.full((2, 3), 1 / 3, dtype=torch.float64), matrices)
    assert bool(states.isfinite().all() and logs.isfinite().all())
    assert not states[0, 4:].any()
    assert bool((states[1].abs().sum(-1) > 0.5).all() and (states[0, :4].abs().sum(-1) > 0.5).all())


def test_under_vmap():
    matrices = stochastic(3, 2, 21, 4, 4)
    together = torch.func.vmap(prefix_products)(matrices)
    for got, wanted in zip(together, prefix_products(matrices), strict=True):
        torch.testing.assert_close(got, wanted)


def test_compiles_whole():
    """Run by itself: types checked at run time can't be compiled (see the contract)."""
    import subprocess
    import sys

    script = """
import torch
from interpretable_arch.maths.processes.prefix_scan import prefix_products
a = torch.rand(2, 13, 3, 3, dtype=torch.float64, requires_grad=True)
run = torch.compile(prefix_products, backend="aot_eager", fullgraph=True)
for run in (prefix_products, run):
    p, _ = run(a)
    print(float(torch.autograd.grad(p.square().sum(), a)[0].square().sum()))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    first, second = map(float, done.stdout.split())
    assert first == pytest.approx(second, rel=1e-12)
