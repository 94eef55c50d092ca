"""The convex fit: its gradient and optimum against slow references, from any start."""

import pytest
import torch

from interpretable_arch.maths.form_classes import fit_forms, loss_and_gradient


def data(count: int = 40, d: int = 4, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, d, generator=generator)
    x[:, 0] = 1
    return x, torch.randint(classes, (count,), generator=generator)


def symmetric(seed: int, size: float = 1.0) -> torch.Tensor:
    found = size * torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return found + found.mT


def slow(x: torch.Tensor, y: torch.Tensor, M: torch.Tensor, l2: float) -> torch.Tensor:
    """Example by example, class by class."""
    total = l2 / 2 * M.square().sum()
    for row, target in zip(x, y, strict=True):
        logits = torch.stack([row @ form @ row for form in M])
        total = total - logits.log_softmax(0)[target] / len(x)
    return total


def test_loss_and_gradient_are_those_of_the_slow_reference(float64):
    x, y = data()
    M = symmetric(1).requires_grad_()
    wanted = slow(x, y, M, 0.1)
    (gradient,) = torch.autograd.grad(wanted, M)
    loss, found, _ = loss_and_gradient(x, y, M.detach(), 0.1)
    assert loss == pytest.approx(float(wanted.detach()), rel=1e-12)
    torch.testing.assert_close(found, gradient)


def test_every_start_ends_in_one_optimum_and_classes_cancel(float64):
    x, y = data()
    first = fit_forms(x, y, symmetric(1), 1e-3)
    for seed in range(2, 8):
        other = fit_forms(x, y, symmetric(seed, 10.0), 1e-3)
        torch.testing.assert_close(other.matrices, first.matrices, rtol=0, atol=1e-9)
    torch.testing.assert_close(first.matrices.sum(0), torch.zeros(4, 4), rtol=0, atol=1e-9)
    assert first.gradient_norm < 1e-11


def test_the_optimum_is_scipys(float64):
    from scipy import optimize

    x, y = data()

    def value(flat):
        M = torch.from_numpy(flat.reshape(3, 4, 4)).requires_grad_()
        loss = slow(x, y, M, 1e-2)
        return float(loss.detach()), torch.autograd.grad(loss, M)[0].numpy().ravel()

    start = torch.zeros(48).numpy()
    options = {"gtol": 1e-9, "ftol": 0.0, "maxiter": 2000}
    end = optimize.minimize(value, start, jac=True, method="L-BFGS-B", options=options)
    found = fit_forms(x, y, torch.zeros(3, 4, 4), 1e-2)
    assert found.loss == pytest.approx(end.fun, rel=1e-12)
    wanted = torch.from_numpy(end.x.reshape(3, 4, 4))
    torch.testing.assert_close(found.matrices, wanted, rtol=0, atol=1e-6)


def test_the_gradient_bounds_the_distance_from_the_optimum(float64):
    x, y = data()
    optimum = fit_forms(x, y, torch.zeros(3, 4, 4), 1e-2).matrices
    for seed in range(5):
        M = optimum + symmetric(seed, 0.1)
        gradient = loss_and_gradient(x, y, M, 1e-2)[1]
        assert float((M - optimum).norm()) <= float(gradient.norm()) / 1e-2
