"""A folder in Hugging Face's GPT-2 layout: config.json, and model.safetensors whole or in shards.

Tensors are read one at a time, so a large model is never held twice; names count with and without
the prefix "transformer.". Pickles are refused, because reading one can run any code.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from torch import Tensor

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
# The causal mask, a constant that older files hold.
MASKS = re.compile(r"h\.\d+\.attn\.(masked_)?bias")

Value = TypeVar("Value", int, float, str, bool)


@dataclass(frozen=True)
class Checkpoint:
    """The settings of config.json, and for each tensor its file and the name it has there."""

    config_file: Path
    config: Mapping[str, Any]
    places: Mapping[str, tuple[Path, str]]
    read: set[str] = field(default_factory=set)

    def setting(self, key: str, kind: type[Value], default: Value | None = None) -> Value:
        """config[key]; the default where it is absent or null. ValueError for another type."""
        found = self.config.get(key)
        got: Any = default if found is None else found
        accepted = (int, float) if kind is float else (kind,)
        if type(got) not in accepted:
            wanted = f"{self.config_file}: {key}: wanted {kind.__name__}"
            raise ValueError(f"{wanted}, got {'nothing' if got is None else repr(got)}")
        return kind(got)

    def tensor(self, name: str, shape: Sequence[int]) -> Float[Tensor, "..."]:
        """The named tensor in float64. ValueError if it is missing or not of that shape."""
        if name not in self.places:
            raise ValueError(f"{self.config_file.parent}: the weights lack the tensor {name!r}")
        file, full_name = self.places[name]
        with _opened(file) as weights:
            found = weights.get_tensor(full_name)
        if found.shape != torch.Size(shape):
            wanted, got = list(shape), list(found.shape)
            raise ValueError(f"{file}: {full_name}: wanted the shape {wanted}, got {got}")
        self.read.add(name)
        return found.double()

    def refuse_unread(self) -> None:
        """ValueError if the weights hold a tensor that the config gave no place."""
        unread = [n for n in self.places if n not in self.read and not MASKS.fullmatch(n)]
        if unread:
            names = ", ".join(unread[:3]) + (", ..." if len(unread) > 3 else "")
            count = f"{len(unread)} tensor{'s' if len(unread) > 1 else ''}"
            raise ValueError(f"{self.config_file}: has no place for {count}: {names}")


def open_checkpoint(folder: Path) -> Checkpoint:
    """What lies in the folder. ValueError names the file that is missing or not readable."""
    config_file = folder / "config.json"
    config = _json(config_file)
    if config.get("model_type") != "gpt2":
        got = config.get("model_type")
        raise ValueError(f"{config_file}: model_type: wanted 'gpt2', got {got!r}")
    places = {}
    for file in _weight_files(folder):
        with _opened(file) as weights:
            for name in weights.keys():  # noqa: SIM118, it is no mapping
                places[name.removeprefix("transformer.")] = (file, name)
    return Checkpoint(config_file, config, places)


def _weight_files(folder: Path) -> list[Path]:
    if (folder / WHOLE).exists():
        return [folder / WHOLE]
    if (folder / INDEX).exists():
        shards = _json(folder / INDEX).get("weight_map")
        if not isinstance(shards, dict) or not shards:
            raise ValueError(f"{folder / INDEX}: wanted a weight_map of tensors to files")
        return [folder / Path(str(file)).name for file in dict.fromkeys(shards.values())]
    pickles = [path.name for pattern in PICKLES for path in sorted(folder.glob(pattern))]
    if pickles:
        raise ValueError(
            f"{folder}: wanted {WHOLE}, got {pickles[0]}, a pickle, which could run any code "
            "when read and is refused"
        )
    raise ValueError(f"{folder}: wanted {WHOLE} or {INDEX}, found neither")


def _opened(file: Path) -> Any:
    try:
        return safe_open(file, framework="pt")
    except FileNotFoundError:
        raise ValueError(f"{file}: there is no such file") from None
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{file}: not readable as safetensors ({error})") from error


def _json(file: Path) -> dict[str, Any]:
    try:
        parsed = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError(f"{file}: there is no such file") from None
    except (ValueError, OSError) as error:
        raise ValueError(f"{file}: not readable as JSON ({error})") from error
    if not isinstance(parsed, dict):
        raise ValueError(f"{file}: wanted a JSON object, got a {type(parsed).__name__}")
    return parsed
