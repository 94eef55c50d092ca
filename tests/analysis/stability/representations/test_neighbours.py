"""Mutual nearest neighbours: equal to counting them; chance is k/(n-1)."""

import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from analysis.stability.representations import neighbours
from analysis.stability.representations.chance import permuted_rows
from analysis.stability.representations.neighbours import chance_of_neighbours, mutual_neighbours


def counted(x: torch.Tensor, y: torch.Tensor, k: int) -> float:
    near = [
        NearestNeighbors(n_neighbors=k).fit(z).kneighbors(return_distance=False) for z in (x, y)
    ]
    both = [len(set(a) & set(b)) / k for a, b in zip(*near, strict=True)]
    return sum(both) / len(both)


@pytest.mark.parametrize("chunk", [1, 500, 2**24])
def test_equals_counting(
    chunk: int, generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "CHUNK_ELEMENTS", chunk)
    x = torch.randn(3, 50, 4, generator=generator, dtype=torch.float64)
    x += torch.randn(50, 4, generator=generator, dtype=torch.float64) + 100
    found = mutual_neighbours(x, k=7)
    assert found.diagonal().tolist() == [1.0] * 3
    for i in range(3):
        for j in range(i):
            assert float(found[i, j]) == pytest.approx(counted(x[i], x[j], 7))


def test_hand_computed() -> None:
    x = torch.tensor([[0.0], [1.0], [3.0]])
    y = torch.tensor([[0.0], [3.0], [4.0]])
    # Nearest: 1, 0, 1 against 1, 2, 1: agreed on two of three.
    assert float(mutual_neighbours([x, y], k=1)[0, 1]) == pytest.approx(2 / 3)


def test_noise_is_at_chance(generator: torch.Generator) -> None:
    noise = torch.randn(8, 200, 20, generator=generator)
    pairs = torch.triu_indices(8, 8, 1).unbind()
    chance = chance_of_neighbours(200, 10)
    assert chance == pytest.approx(10 / 199)
    assert float(mutual_neighbours(noise)[pairs].mean()) == pytest.approx(chance, abs=0.005)


def test_rotations_shifts_and_scale_are_not_seen(generator: torch.Generator) -> None:
    x = torch.randn(80, 6, generator=generator, dtype=torch.float64)
    rotation = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64)).Q
    assert float(mutual_neighbours([x, 4 * x @ rotation + 7])[0, 1]) == pytest.approx(1.0)


def test_a_constant_seed_is_nan_and_mistakes_are_named() -> None:
    x = torch.eye(12).repeat(2, 1, 1)
    x[1] = 0.0
    found = mutual_neighbours(x, k=2)
    assert bool(found[1].isnan().all())
    assert bool(found[0, 1].isnan())
    for ask in (lambda: mutual_neighbours(x, k=12), lambda: chance_of_neighbours(12, 0)):
        with pytest.raises(ValueError, match="wanted 1 to 11 neighbours of 12 inputs"):
            ask()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ties_are_shared_so_that_turned_codes_agree(
    dtype: torch.dtype, generator: torch.Generator
) -> None:
    codes = torch.eye(4, dtype=torch.float64)[torch.randint(0, 4, (400,), generator=generator)]
    turn = torch.linalg.qr(torch.randn(4, 4, generator=generator, dtype=torch.float64)).Q
    found = mutual_neighbours([codes.to(dtype), (codes @ turn).to(dtype)])
    assert float(found[0, 1]) == pytest.approx(1.0, abs=1e-9)


def test_independent_codes_are_where_their_row_permutation_is(generator: torch.Generator) -> None:
    codes = torch.eye(4)[torch.randint(0, 4, (2, 800), generator=generator)]
    found = float(mutual_neighbours(codes)[0, 1])
    assert found == pytest.approx(
        float(mutual_neighbours(permuted_rows(codes, generator))[0, 1]), abs=0.02
    )
    assert found == pytest.approx(1 / 4, abs=0.02)


def test_half_of_the_places_shared_by_hand() -> None:
    x = torch.tensor([[0.0], [1.0], [-1.0], [5.0]])
    y = torch.tensor([[0.0], [1.0], [-1.1], [5.0]])
    # Of 0, x ties 1 and -1, y takes 1: cosine of (1/2, 1/2) and (1, 0). Else they agree.
    assert float(mutual_neighbours([x, y], k=1)[0, 1]) == pytest.approx((3 + 0.5**0.5) / 4)


def test_inputs_far_away_cost_the_others_no_digits(generator: torch.Generator) -> None:
    x = torch.randn(300, 32, generator=generator)
    x[:30, 0] += 1e4
    turn = torch.linalg.qr(torch.randn(32, 32, generator=generator, dtype=torch.float64)).Q
    turned = (x.double() @ turn).float()
    assert float(mutual_neighbours([x, turned])[0, 1]) > 0.98
