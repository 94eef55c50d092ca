"""Dictionaries in files: every spelling and every transposition gives features as rows."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from analysis.stability.foreign import load_folder
from analysis.stability.foreign.dictionaries import dictionaries_of, is_dictionary

M, D = 6, 4
DECODER, ENCODER = torch.arange(24.0).reshape(M, D), -torch.arange(24.0).reshape(M, D)
B_DEC, B_ENC = torch.zeros(D), torch.zeros(M)


@pytest.mark.parametrize(
    "tensors",
    [
        {"W_dec": DECODER, "W_enc": ENCODER.T, "b_dec": B_DEC, "b_enc": B_ENC},
        {"decoder.weight": DECODER.T, "encoder.weight": ENCODER, "bias": B_DEC},
        {"decoder.weight": DECODER.T, "encoder.weight": ENCODER, "encoder.bias": B_ENC},
        {"W_dec": DECODER.T, "W_enc": ENCODER, "b_dec": B_DEC},
        {"W_dec": DECODER.T, "encoder.weight": ENCODER.T, "threshold": B_ENC},
        {"W_dec": DECODER.T, "W_enc": ENCODER},
        {"decoder": DECODER, "encoder": ENCODER},
    ],
)
def test_every_spelling_gives_features_as_rows(tensors):
    assert is_dictionary(tensors)
    found = dictionaries_of(tensors)
    assert torch.equal(found["decoder"], DECODER)
    assert torch.equal(found["encoder"], ENCODER)


def test_fewer_features_than_dimensions_are_told_by_a_bias():
    tensors = {"W_dec": DECODER.T.contiguous(), "b_dec": torch.zeros(M)}
    assert torch.equal(dictionaries_of(tensors)["decoder"], DECODER.T)


def test_a_square_one_is_read_as_it_is_spelled():
    square = torch.arange(9.0).reshape(3, 3)
    assert torch.equal(dictionaries_of({"W_dec": square})["decoder"], square)
    assert torch.equal(dictionaries_of({"decoder.weight": square})["decoder"], square.T)
    assert torch.equal(dictionaries_of({"W_enc": square})["encoder"], square.T)


def test_a_network_is_no_dictionary():
    """A language model's own encoder and decoder stand beside other matrices."""
    tied = {"encoder.weight": DECODER, "decoder.weight": DECODER}
    assert not is_dictionary({**tied, "rnn.weight": torch.ones(2, 2)})
    assert not is_dictionary({"encoder.weight": DECODER})
    assert not is_dictionary({"decoder.weight": torch.ones(2, 2, 2)})
    assert not is_dictionary({})


def test_halves_of_different_shape_are_refused():
    with pytest.raises(ValueError, match=r"one shape, got W_dec \(6, 4\), W_enc \(3, 3\)"):
        dictionaries_of({"W_dec": DECODER, "W_enc": torch.ones(3, 3)})


def test_a_folder_of_autoencoders(tmp_path):
    for n, name in enumerate("ab"):
        tensors = {"W_dec": DECODER + n, "W_enc": (ENCODER + n).T.contiguous(), "b_dec": B_DEC}
        save_file({k: v.bfloat16() for k, v in tensors.items()}, tmp_path / f"{name}.safetensors")
    found = load_folder(tmp_path)
    assert set(found.dictionaries) == {"decoder", "encoder"}
    assert torch.equal(found.dictionaries["decoder"][1], DECODER + 1)
    assert found.parameters == ()


def test_dictionaries_as_arrays(tmp_path):
    for n, name in enumerate("ab"):
        np.savez(tmp_path / name, decoder=DECODER.numpy() + n, resid=np.eye(3) + n)
    found = load_folder(tmp_path)
    assert set(found.dictionaries) == {"decoder"}
    assert set(found.representations) == {"resid"}


def test_widths_may_differ_but_not_the_space(tmp_path):
    for name, shape in (("a", (8, 4)), ("b", (16, 4))):
        save_file({"W_dec": torch.ones(shape)}, tmp_path / f"{name}.safetensors")
    assert [len(rows) for rows in load_folder(tmp_path).dictionaries["decoder"]] == [8, 16]
    save_file({"W_dec": torch.ones(16, 5)}, tmp_path / "b.safetensors")
    with pytest.raises(ValueError, match=r"features: decoder: features lie in spaces of \[4, 5\]"):
        load_folder(tmp_path)
    save_file({"W_dec": torch.full((8, 4), torch.nan)}, tmp_path / "b.safetensors")
    with pytest.raises(ValueError, match=r"decoder: seed b holds NaN or infinity"):
        load_folder(tmp_path)
