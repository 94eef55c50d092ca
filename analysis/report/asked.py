"""What a study was asked: its tasks and architectures in words, from its configuration."""

from collections.abc import Mapping
from html import escape
from typing import Any

import yaml


def configuration(text: str) -> Mapping[str, Any]:
    """The configuration as plain data; ``ValueError`` when it is no YAML mapping."""
    try:
        plain = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"result.config: wanted YAML, got {error}") from error
    if not isinstance(plain, Mapping):
        raise ValueError(f"result.config: wanted a YAML mapping, got {type(plain).__name__}")
    return plain


def part(config: Mapping[str, Any], *keys: str) -> str:
    """A part in words, ``groups(group = S4, share = 0.15)``; empty where there is none."""
    place: Any = config
    for key in keys:
        place = place.get(key) if isinstance(place, Mapping) else None
    if not isinstance(place, Mapping) or "class_path" not in place:
        return ""
    settings = place.get("init_args") or {}
    words = ", ".join(f"{name} = {_setting(value)}" for name, value in settings.items())
    return f"{place['class_path']}({words})" if words else str(place["class_path"])


def training(config: Mapping[str, Any], architecture: str) -> str:
    """How it was trained: ``adamw, learning rate 0.001, 800 steps``; may be empty.

    A model that needs no steps: ``fitted to the data``.
    """
    settings = config.get("architectures", {}).get(architecture, {})
    if not isinstance(settings, Mapping):
        return ""
    optimizer, trainer = settings.get("optimizer") or {}, settings.get("trainer") or {}
    if trainer.get("max_steps") == 0:
        return "fitted to the data"
    words = [str(optimizer["name"])] if "name" in optimizer else []
    words += [f"learning rate {optimizer['lr']}"] if "lr" in optimizer else []
    words += [f"{trainer['max_steps']} steps"] if "max_steps" in trainer else []
    batch = trainer.get("batch_size")
    words += [f"batches of {batch}" if batch else "full batch"] if trainer else []
    return ", ".join(words)


def folded(text: str) -> str:
    """The whole configuration, folded away."""
    return (
        "<details><summary>The configuration, whole</summary>"
        f"<pre>{escape(text.rstrip())}</pre></details>"
    )


def _setting(value: Any) -> str:
    """A setting as YAML spells it, on one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=10**6).split("\n")[0]
