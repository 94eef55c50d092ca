"""Plain data for JSON: lists for tuples, None for numbers that are undefined or infinite."""

import math
from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """The same mappings, lists and numbers, so that strict JSON can hold them."""
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, tuple | list):
        return [plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
