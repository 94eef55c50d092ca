"""Tensors from .safetensors, .npy and .npz: memory-mapped where they can be, never by pickle.

An array is mapped copy-on-write: its pages are read when they are used, and the file never changes.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Shaped
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

ALONE = "activations"  # the site of an array in a file of its own, which is named after its seed


def read_weights(files: tuple[Path, ...]) -> dict[str, Shaped[Tensor, "..."]]:
    """All named tensors of .safetensors files, shards of one model.

    Raises ValueError for a file that can't be read, and for a name that is in two files.
    """
    found: dict[str, Tensor] = {}
    for file in files:
        try:
            read = load_file(file)
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{file}: wanted safetensors, got {error}") from error
        twice = sorted(set(read) & set(found))
        if twice:
            raise ValueError(f"{file}: tensor {twice[0]!r} is in another file of this seed too")
        found |= {name: _wide(tensor) for name, tensor in read.items()}
    return found


def read_arrays(files: tuple[Path, ...], *, alone: bool) -> dict[str, Shaped[Tensor, "..."]]:
    """All arrays of .npy and .npz files by name: the name in the archive, else that of the file.

    `alone`: the files are named after their seed, and a lone array is called `activations`.
    """
    found: dict[str, Tensor] = {}
    for file in files:
        if file.suffix == ".npy":
            read: Mapping[str, Tensor] = {ALONE if alone else file.stem: read_array(file)}
        else:
            read = _archive(file)
        twice = sorted(set(read) & set(found))
        if twice:
            raise ValueError(f"{file}: array {twice[0]!r} is in another file of this seed too")
        found |= read
    return found


def read_array(file: Path) -> Shaped[Tensor, "..."]:
    """One .npy file, memory-mapped. Raises ValueError for what is no array of real numbers."""
    try:
        array = np.load(file, mmap_mode="c", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{file}: {_reason(error)}") from error
    return _tensor(array, str(file))


def _archive(file: Path) -> dict[str, Tensor]:
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError) as error:
        raise ValueError(f"{file}: {_reason(error)}") from error
    return {name: _tensor(array, f"{file}: {name!r}") for name, array in arrays.items()}


def _reason(error: Exception) -> str:
    """numpy's words, and in the one case that matters plainer ones."""
    if "bject" in str(error):
        return "holds Python objects, which only pickle could read and pickle is never run"
    return f"wanted an array, got {error}"


def _tensor(array: np.ndarray, where: str) -> Tensor:
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{where}: wanted real numbers, got {array.dtype}")
    kind = array.dtype
    if kind.kind == "f" and kind.itemsize not in (4, 8):  # half or extended precision
        kind = np.dtype(np.float32 if kind.itemsize < 4 else np.float64)
    if kind.kind == "u" and kind.itemsize > 1:
        kind = np.dtype(np.int64)
    array = np.asarray(array, dtype=kind.newbyteorder("="))
    return torch.from_numpy(array)


def _wide(tensor: Tensor) -> Tensor:
    """Half precision is stored, not computed with."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
