"""Whose runs a folder holds: our own, which know how to rebuild their models, or any other."""

from pathlib import Path
from typing import Literal

OURS = "config.json", "weights.safetensors", "checksums.json"


def kind_of(path: Path | str) -> Literal["runs", "foreign"]:
    """`runs` for a folder of this project's runs, or a folder of such folders; else `foreign`.

    Told by the files that every run of ours has, one level or two below. Raises ValueError where
    there is no such folder.
    """
    root = Path(path)
    if root.is_file():
        raise ValueError(f"{root}: wanted a folder of runs, got a file: give the folder it is in")
    if not root.is_dir():
        raise ValueError(f"{root}: wanted a folder of runs, got none")
    found = any(
        all((config.parent / name).is_file() for name in OURS)
        for pattern in ("seed-*/config.json", "*/seed-*/config.json")
        for config in root.glob(pattern)
    )
    return "runs" if found else "foreign"
