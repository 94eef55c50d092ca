"""The convex problem: one optimum from every start, level by autograd; scikit-learn agrees."""

import numpy as np
import pytest
import torch

from interpretable_arch.maths.additive.convex_fit import Kind, Problem, contrasts, fit_convex


def problem(kind: Kind, generator: torch.Generator, ridge: float = 0.01) -> Problem:
    design = torch.randn(60, 7, dtype=torch.float64, generator=generator)
    wanted = torch.randn(60, 3, dtype=torch.float64, generator=generator)
    if kind == "classes":
        wanted = torch.nn.functional.one_hot((design[:, :3] + wanted).argmax(1), 3).double()
    return Problem(design, wanted, ridge * torch.eye(7).double(), kind)


def loss(p: Problem, theta: torch.Tensor) -> torch.Tensor:
    outputs = p.design @ theta @ p.contrasts.T
    ridge = (theta * (p.penalty @ theta)).sum() / 2
    if p.kind == "values":
        return (outputs - p.wanted).square().sum(1).mean() / 2 + ridge
    return -(p.wanted * outputs.log_softmax(1)).sum(1).mean() + ridge


@pytest.mark.parametrize("kind", ["classes", "values"])
def test_every_start_ends_where_the_gradient_is_zero(kind, generator):
    p = problem(kind, generator)
    free = p.contrasts.shape[1]
    starts = torch.randn(4, 7, free, dtype=torch.float64, generator=generator)
    found = [fit_convex(p, s, 100, 1e-12) for s in starts]
    for f in found:
        assert f.gradient_norm <= 1e-12
        torch.testing.assert_close(f.theta, found[0].theta, rtol=0, atol=1e-9)
    theta = found[0].theta.requires_grad_()
    value = loss(p, theta)
    (gradient,) = torch.autograd.grad(value, theta)
    assert float(gradient.abs().max()) <= 1e-11
    assert float(value.detach()) == pytest.approx(found[0].loss, abs=1e-13)


def test_far_starts_and_separable_rows_end_there_too():
    design = torch.tensor([[1.0, -2.0], [1.0, -1.0], [1.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    wanted = torch.eye(2).double()[[0, 0, 1, 1]]
    p = Problem(design, wanted, 1e-4 * torch.eye(2).double(), "classes")
    found = [
        fit_convex(p, torch.tensor([[a], [-a]]).double(), 200, 1e-12) for a in (0.0, 30.0, -300.0)
    ]
    assert all(f.gradient_norm <= 1e-12 for f in found)
    for f in found:
        torch.testing.assert_close(f.theta, found[0].theta, rtol=0, atol=1e-6)


def test_scikit_learn_finds_the_same_logistic_regression(generator):
    from sklearn.linear_model import LogisticRegression

    p = problem("classes", generator, ridge=0.05)
    found = fit_convex(p, torch.zeros(7, 2, dtype=torch.float64), 100, 1e-12)
    peer = LogisticRegression(C=1 / (60 * 0.05), fit_intercept=False, tol=1e-10, max_iter=5000)
    peer.fit(p.design.numpy(), p.wanted.argmax(1).numpy())
    ours = (found.theta @ p.contrasts.T).T.numpy()
    np.testing.assert_allclose(ours, peer.coef_, atol=1e-5)


def test_values_are_ridge_regression(generator):
    p = problem("values", generator)
    found = fit_convex(p, torch.zeros(7, 3, dtype=torch.float64), 100, 1e-12)
    gram = p.design.T @ p.design / 60 + p.penalty
    torch.testing.assert_close(
        found.theta, torch.linalg.solve(gram, p.design.T @ p.wanted / 60), rtol=0, atol=1e-10
    )


def test_contrasts_are_orthonormal_and_sum_to_zero():
    for count in (2, 3, 10):
        Q = contrasts(count, "classes")
        torch.testing.assert_close(Q.T @ Q, torch.eye(count - 1).double())
        assert float(Q.sum(0).abs().max()) <= 1e-14


def test_few_steps_show_in_the_gradient(generator):
    p = problem("classes", generator)
    assert fit_convex(p, 5 * torch.ones(7, 2).double(), 1, 1e-12).gradient_norm > 1e-6
