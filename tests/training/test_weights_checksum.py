"""One number for a run's weights: equal where they are equal, bit for bit, and nowhere else."""

import hashlib

import pytest
import torch

from training.checksum import weights_checksum
from training.fit import fit

W = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.tensor(2.5, dtype=torch.float64)}


def test_it_is_the_hash_of_names_types_shapes_and_bytes() -> None:
    text = b"'a' torch.float64 ()\n" + W["a"].numpy().tobytes()
    text += b"'b' torch.float32 (2, 3)\n" + W["b"].numpy().tobytes()
    assert weights_checksum(W) == hashlib.sha256(text).hexdigest()


def test_order_and_memory_layout_say_nothing() -> None:
    turned = {"a": W["a"], "b": W["b"].T.contiguous().T}
    assert weights_checksum(turned) == weights_checksum(W)


@pytest.mark.parametrize(
    "other",
    [
        {"a": W["a"]},
        {"a": W["a"], "c": W["b"]},
        {"a": W["a"], "b": W["b"].reshape(3, 2)},
        {"a": W["a"], "b": W["b"].double()},
        {"a": W["a"], "b": W["b"].index_fill(0, torch.tensor(0), -0.0)},
        {"a": W["a"].nextafter(torch.tensor(3.0).double()), "b": W["b"]},
    ],
)
def test_anything_else_changes_it(other) -> None:
    assert weights_checksum(other) != weights_checksum(W)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.bfloat16, torch.complex128])
def test_every_type_has_one(dtype) -> None:
    one, other = torch.zeros(3, dtype=dtype), torch.ones(3, dtype=dtype)
    assert weights_checksum({"x": one}) != weights_checksum({"x": other})
    assert len(weights_checksum({"x": torch.empty(0, dtype=dtype)})) == 64


def test_twins_have_one_checksum_and_seeds_have_many(toy, tmp_path) -> None:
    runs = fit(toy(seeds={"init": 2, "repeat": 2}, block=1), tmp_path, progress=False)
    first, second, again, once_more = map(weights_checksum, runs)
    assert (first, second) == (again, once_more)
    assert first != second
    assert weights_checksum(runs[0].weights) == first
