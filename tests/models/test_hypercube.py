"""HyperCube: its loss by hand, its regulariser against the plain sum, its minimum on a group."""

import pytest
import torch

from interpretable_arch.maths.groups.finite_groups import parse
from interpretable_arch.models.hypercube import HyperCube, HyperCubeConfig
from interpretable_arch.symmetries.groups import polar


def all_pairs(n: int) -> torch.Tensor:
    return torch.cartesian_prod(torch.arange(n), torch.arange(n))


def planted(name: str) -> HyperCube:
    """A_g = B_g = C_g^T: the permutation matrix of left multiplication by g."""
    table = parse(name).table
    eye = torch.eye(len(table), dtype=torch.float64)
    model = HyperCube(HyperCubeConfig(len(table))).double()
    with torch.no_grad():
        model.A.copy_(eye[table].mT)
        model.B.copy_(model.A)
        model.C.copy_(model.A.mT)
    return model


def test_loss_by_hand_on_the_smallest_group(float64):
    model = HyperCube(HyperCubeConfig(order=2, d=1, epsilon=0.5)).double()
    by_hand = ([1.0, 2.0], [1.0, 3.0], [1.0, -1.0])
    for parameter, values in zip(model.parameters(), by_hand, strict=True):
        parameter.data.copy_(torch.tensor(values).reshape(2, 1, 1))
    # a = b = 1: T = 2 * 3 * (1, -1) = (6, -6), wanted (1, 0): 25 + 36.
    # Squares sum to 5, 10 and 2: H = 5 * 10 + 10 * 2 + 2 * 5 = 80; 0.5 * 80 / 4 = 10.
    loss = model.loss(torch.tensor([[1, 1]]), torch.tensor([0]))
    torch.testing.assert_close(loss, torch.tensor(71.0))


def test_the_regulariser_is_the_sum_over_all_pairs(float64):
    torch.manual_seed(0)
    model = HyperCube(HyperCubeConfig(order=4, d=3)).double()
    A, B, C = model.A, model.B, model.C
    plain = sum(
        (x[i] @ y[j]).square().sum()
        for x, y in ((A, B), (B, C), (C, A))
        for i in range(4)
        for j in range(4)
    )
    torch.testing.assert_close(model.regulariser(), plain / 3)


@pytest.mark.parametrize("name", ["S3", "Z5", "Q8"])
def test_the_regular_representation_fits_exactly_with_three_per_entry(float64, name):
    model, table = planted(name), parse(name).table
    n = len(table)
    wanted = torch.nn.functional.one_hot(table.flatten(), n).double()
    torch.testing.assert_close(model.scores(all_pairs(n)), wanted)
    torch.testing.assert_close(model.regulariser(), torch.tensor(3.0 * n**2))
    read = model.interpretation()
    sizes = [int(term.split()[0]) for term in read.label.split(" + ")]
    assert len(sizes) == len(parse(name).classes)
    assert read.formulas[0].error < 1e-9


@pytest.mark.parametrize("name", ["Z3", "S3"])
def test_on_a_whole_table_the_minimum_is_the_regular_representation(float64, name):
    """Steps on the loss with epsilon drawn towards zero end at H = 3 n^2 and no other sum."""
    torch.manual_seed(0)
    table = parse(name).table
    n = len(table)
    hit = torch.nn.functional.one_hot(table.flatten(), n)
    model = HyperCube(HyperCubeConfig(n)).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    pairs, steps = all_pairs(n), 1000
    for step in range(steps):
        weight = 0.1 * max(0.0, 1 - step / steps) ** 2
        optimizer.param_groups[0]["lr"] = 0.02 * max(0.01, 1 - step / steps)
        optimizer.zero_grad()
        fit = (model.scores(pairs) - hit).square().sum(-1).mean()
        (fit + weight * model.regulariser() / n**2).backward()
        optimizer.step()
    assert float((model.scores(pairs) - hit).detach().square().sum(-1).mean()) < 1e-4
    assert float(model.regulariser().detach()) / n**2 == pytest.approx(3.0, abs=0.02)
    # A_g A_e^-1 is a representation whose character is n at the identity and 0 elsewhere.
    e = parse(name).identity
    B = model.A.detach() @ torch.linalg.inv(model.A.detach()[e])
    chi = torch.einsum("gii->g", B)
    wanted = torch.zeros(n)
    wanted[e] = n
    torch.testing.assert_close(chi, wanted, rtol=0, atol=0.05)


def test_the_regulariser_is_least_among_refactored_copies(float64):
    """Other bases give the same function; only orthogonal ones keep H."""
    model = planted("S3")
    torch.manual_seed(0)
    turned = polar(torch.randn(6, 6, dtype=torch.float64))
    for basis, kept in ((turned, True), (turned + 0.1 * torch.randn(6, 6), False)):
        other = planted("S3")
        with torch.no_grad():
            other.A.copy_(basis @ model.A)
            other.C.copy_(model.C @ torch.linalg.inv(basis))
        torch.testing.assert_close(other(all_pairs(6)), model(all_pairs(6)))
        more = float((other.regulariser() - model.regulariser()).detach())
        assert abs(more) < 1e-9 if kept else more > 1e-3


@pytest.mark.parametrize(
    ("arguments", "match"),
    [({"order": 1}, "order"), ({"order": 3, "d": 0}, "d:"), ({"order": 3, "epsilon": -1.0}, "eps")],
)
def test_sizes_out_of_range_are_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        HyperCubeConfig(**arguments)
