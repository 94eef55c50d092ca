"""Probabilities in a file become logits that softmax to themselves; logits stay as they are."""

import numpy as np
import pytest
import torch

from analysis.stability.foreign import load_folder
from analysis.stability.foreign.probabilities import as_logits

LOGITS = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_the_softmax_of_what_is_found_is_what_was_given():
    shares = list(LOGITS.softmax(-1))
    shares[0][0] = torch.tensor([1.0, 0.0, 0.0, 0.0])
    found, said = as_logits("abc", shares)
    assert "probabilities" in said
    for given, logits in zip(shares, found, strict=True):
        assert torch.allclose(logits.softmax(-1), given, atol=1e-12)
        assert logits.isfinite().all()


def test_logits_stay_and_a_failed_run_is_not_looked_at():
    found, said = as_logits("ab", [LOGITS[0], torch.empty(0, 0)])
    assert said == ""
    assert torch.equal(found[0], LOGITS[0])
    found, said = as_logits("ab", [LOGITS[0].softmax(-1), torch.empty(0, 0)])
    assert "probabilities" in said
    assert found[1].numel() == 0


def test_some_seeds_alone_are_doubted():
    given = [LOGITS[0], LOGITS[1].softmax(-1)]
    found, said = as_logits("ab", given)
    assert said.startswith("outputs of b look like probabilities")
    assert found[1] is given[1]


def test_a_folder_of_probabilities_is_that_of_their_logits(tmp_path):
    for name, array in (("logits", LOGITS), ("shares", LOGITS.softmax(-1))):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "outputs.npy", array.numpy().astype(np.float32))
    logits, shares = (load_folder(tmp_path / name) for name in ("logits", "shares"))
    assert logits.outputs is not None
    assert shares.outputs is not None
    assert torch.allclose(shares.outputs.softmax(-1), logits.outputs.softmax(-1), atol=1e-6)
    assert "logits" not in logits.absent
    assert "their logarithms are compared" in shares.absent["logits"]


def test_one_hot_rows_of_values_stay_values(tmp_path):
    np.save(tmp_path / "outputs.npy", np.eye(4)[None].repeat(2, 0) * [[[1.0]], [[1.0]]])
    np.save(tmp_path / "targets.npy", np.arange(16.0).reshape(4, 4))
    assert "logits" not in load_folder(tmp_path, allow_duplicates=True).absent


@pytest.mark.parametrize("slack", [0.0, 4e-4])
def test_rounded_probabilities_are_told(slack):
    assert as_logits("a", [LOGITS[0].softmax(-1) * (1 + slack)])[1] != ""
    assert as_logits("a", [LOGITS[0].softmax(-1) * 1.01])[1] == ""
