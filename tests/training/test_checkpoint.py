"""A checkpoint comes back as it was, bit for bit and type for type."""

from pathlib import Path

import pytest
import torch

from training.checkpoint import SafetensorsIO, checkpoint_seeds
from training.runs import RunError

CONTENT = {
    "seeds": [[0, 1, 2]],
    "optimizer_states": [{"state": {0: {"step": torch.tensor(3.0)}}, "betas": (0.9, 0.1)}],
    "nothing": None,
    "numbers": [1, 0.1, float("inf"), True, "text"],
    "empty": torch.zeros(0, 3),
    "bytes": torch.arange(5, dtype=torch.uint8),
    "half": torch.ones(2, dtype=torch.bfloat16),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "c.safetensors"
    SafetensorsIO().save_checkpoint(CONTENT, path)
    return path


def test_round_trip(path: Path) -> None:
    read = SafetensorsIO().load_checkpoint(path)
    assert list(read) == list(CONTENT)
    assert str(read) == str(CONTENT)
    assert read["half"].dtype == torch.bfloat16
    assert checkpoint_seeds(path) == [[0, 1, 2]]


def test_a_changed_byte_is_found(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"c\.safetensors: changed since it was written"):
        SafetensorsIO().load_checkpoint(path)


def test_a_cut_file_is_found(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(RunError, match="not a readable checkpoint"):
        checkpoint_seeds(path)


def test_what_only_pickle_could_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="got object"):
        SafetensorsIO().save_checkpoint({"a": object()}, tmp_path / "c")
    assert not list(tmp_path.iterdir())
