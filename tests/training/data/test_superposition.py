"""Planted superposition: examples are sums of few planted directions; what is refused."""

import pytest
import torch

from training.data import build_task
from training.data.superposition import LEAST, MOST, Superposition, superposition


def planted(**arguments) -> tuple[Superposition, Superposition]:
    task = superposition(**arguments)
    assert isinstance(task.train, Superposition)
    assert isinstance(task.held_out, Superposition)
    return task.train, task.held_out


def test_an_example_is_a_sum_of_as_many_directions_as_are_active():
    # As many dimensions as directions: their magnitudes can be read back.
    train, held_out = planted(d_in=8, directions=8, active=3, examples=500)
    for part in (train, held_out):
        sizes = torch.linalg.solve(part.directions.T, part.inputs.T).T
        seen = sizes.abs() > 1e-9
        assert bool((seen.sum(1) == 3).all())
        assert bool(((sizes[seen] >= LEAST) & (sizes[seen] <= MOST)).all())
    often = (torch.linalg.solve(train.directions.T, train.inputs.T).abs() > 1e-9).double().mean(1)
    assert float((often - 3 / 8).abs().max()) < 0.08


def test_directions_are_unit_vectors_and_shared_by_both_parts():
    train, held_out = planted()
    assert train.directions.shape == (32, 16)
    torch.testing.assert_close(train.directions.norm(dim=1), torch.ones(32, dtype=torch.float64))
    assert torch.equal(train.directions, held_out.directions)
    assert not torch.equal(train.inputs[:10], held_out.inputs[:10])
    assert torch.equal(train.to("cpu").directions, train.directions)


def test_answers_are_the_examples_without_their_noise():
    train, _ = planted(noise=0.1, examples=2000)
    assert float((train.inputs - train.targets).std()) == pytest.approx(0.1, rel=0.03)
    clean, _ = planted(examples=2000)
    assert torch.equal(clean.inputs, clean.targets)
    assert torch.equal(clean.targets, train.targets)


def test_the_seed_says_it_all():
    first, again, other = (planted(data_seed=s, examples=50)[0] for s in (1, 1, 2))
    assert torch.equal(first.inputs, again.inputs)
    assert not torch.equal(first.inputs, other.inputs)


def test_the_short_name_builds_it():
    task = build_task("superposition", {"d_in": 4, "directions": 6, "active": 2, "examples": 10})
    assert task.outputs == 4
    assert task.dimensions["d_in"] == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"d_in": 0}, "d_in: wants 1"),
        ({"directions": 0}, "directions: wants 1"),
        ({"active": 0}, "active: wants 1 to directions = 32, got 0"),
        ({"active": 33}, "got 33"),
        ({"examples": 0}, "examples: wants 1"),
        ({"held_out": 0}, "held_out: wants 1"),
        ({"noise": -1.0}, "noise"),
        ({"noise": float("nan")}, "noise"),
        ({"data_seed": -1}, "data_seed"),
    ],
)
def test_bad_arguments_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        superposition(**arguments)
