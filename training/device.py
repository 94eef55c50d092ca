"""Where training happens: the device that `trainer.accelerator` names."""

import torch

from training.parsing import ConfigError


def device_of(accelerator: str) -> torch.device:
    """The device of `trainer.accelerator`; "auto" takes a CUDA device if there is one.

    Apple's is taken only when asked for: it has no float64. Raises ConfigError for an unknown or
    absent one.
    """
    available = {
        "auto": True,
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    name = {"gpu": "cuda"}.get(accelerator, accelerator)
    if not available.get(name, False):
        found = ", ".join(kind for kind, present in available.items() if present)
        raise ConfigError("trainer.accelerator", f"wants one of {found}, got {accelerator!r}")
    if name == "auto":
        name = "cuda" if available["cuda"] else "cpu"
    return torch.device(name)
