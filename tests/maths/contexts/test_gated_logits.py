"""The optimum of a gated mixture: against L-BFGS, from many starts, and its own derivatives."""

import math

import pytest
import torch

from interpretable_arch.maths.contexts.gated_logits import fit_gates, slopes

GATES, ORDERS, VOCAB, PLACES, L2 = 3, 4, 5, 200, 1e-3


@pytest.fixture
def pieces(generator):
    features = torch.randn(PLACES, ORDERS, VOCAB, generator=generator).log_softmax(-1)
    gate = torch.randint(GATES - 1, (PLACES,), generator=generator)  # the last gate has no place
    answer = torch.randint(VOCAB, (PLACES,), generator=generator)
    return list(zip(features.split(60), gate.split(60), answer.split(60), strict=True))


def obvious(pieces, alpha, prior):
    total = torch.zeros((), dtype=torch.float64)
    for features, gate, answer in pieces:
        for f, g, y in zip(features.double(), gate, answer, strict=True):
            total = total - (alpha[g] @ f).log_softmax(-1)[y]
    return total / PLACES + L2 / 2 * (alpha - prior).square().sum()


def test_derivatives_are_those_of_the_obvious_loss(pieces, generator):
    alpha, prior = torch.randn(2, GATES, ORDERS, generator=generator).double()
    found = slopes(lambda: pieces, alpha, prior, L2)
    first = torch.autograd.functional.jacobian(lambda a: obvious(pieces, a, prior), alpha)
    second = torch.autograd.functional.hessian(lambda a: obvious(pieces, a, prior), alpha)
    hessian = torch.as_tensor(second)
    torch.testing.assert_close(found.loss.sum(), obvious(pieces, alpha, prior))
    torch.testing.assert_close(found.gradient, first)
    for g in range(GATES):
        torch.testing.assert_close(found.hessian[g], hessian[g, :, g])


def test_every_start_ends_at_one_place(pieces, generator):
    prior = torch.eye(GATES, ORDERS).double()
    ends = []
    for scale in (0.0, 0.1, 1.0, 10.0):
        start = scale * torch.randn(GATES, ORDERS, generator=generator)
        ends.append(fit_gates(lambda: pieces, start, prior, L2, 200, 1e-10))
        assert ends[-1].gradient_norm <= 1e-10
        assert ends[-1].least_curvature >= L2 * (1 - 1e-9)
        torch.testing.assert_close(ends[-1].alpha, ends[0].alpha, rtol=0, atol=1e-8)
    torch.testing.assert_close(ends[0].alpha[-1], prior[-1])


def test_the_curvature_without_the_ridge_is_that_of_what_the_features_move(pieces):
    prior = torch.eye(GATES, ORDERS).double()
    found = fit_gates(lambda: pieces, prior, prior, L2, 100, 1e-10)
    assert found.places.tolist()[-1] == 0
    assert int(found.places.sum()) == PLACES
    bare = slopes(lambda: pieces, found.alpha, prior, 0.0).hessian[:-1]
    assert found.free_curvature == pytest.approx(float(torch.linalg.eigvalsh(bare).min()))
    silent = [(f * (torch.arange(ORDERS) > 0)[:, None], g, y) for f, g, y in pieces]
    found = fit_gates(lambda: silent, prior, prior, L2, 100, 1e-10)
    bare = slopes(lambda: silent, found.alpha, prior, 0.0).hessian[:-1, 1:, 1:]
    assert found.free_curvature == pytest.approx(float(torch.linalg.eigvalsh(bare).min()))
    doubled = [(f[:, [0, 0, 1, 2]], g, y) for f, g, y in pieces]
    assert fit_gates(lambda: doubled, prior, prior, L2, 100, 1e-10).free_curvature <= 1e-12
    assert math.isnan(fit_gates(list, prior, prior, L2, 100, 1e-10).free_curvature)


def test_the_optimum_is_that_of_an_independent_optimiser(pieces):
    prior = torch.zeros(GATES, ORDERS).double()
    alpha = prior.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([alpha], max_iter=500, tolerance_grad=1e-9)

    def loss():
        optimiser.zero_grad()
        value = obvious(pieces, alpha, prior)
        value.backward()
        return value

    optimiser.step(loss)
    found = fit_gates(lambda: pieces, prior, prior, L2, 100, 1e-10)
    torch.testing.assert_close(found.alpha, alpha.detach(), rtol=0, atol=1e-5)


def test_too_few_steps_are_said_by_the_gradient(pieces):
    start = torch.full((GATES, ORDERS), 5.0)
    found = fit_gates(lambda: pieces, start, torch.zeros(GATES, ORDERS), L2, 1, 1e-10)
    assert found.steps == 1
    assert found.gradient_norm > 1e-6
