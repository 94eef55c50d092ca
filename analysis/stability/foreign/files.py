"""Which files of a folder belong to which seed, by their names; nothing is opened yet."""

import re
from dataclasses import dataclass
from pathlib import Path

from analysis.stability.foreign.layouts import LAYOUTS

TENSORS = (".safetensors", ".npy", ".npz")
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt", ".joblib")
OUTPUTS, TARGETS = ("outputs", "logits"), "targets"
NULLS = ("untrained", "shuffled")


@dataclass(frozen=True)
class SeedFiles:
    """One seed's files; `alone` if they lie in the folder of all seeds, not in one of their own."""

    name: str
    files: tuple[Path, ...]
    alone: bool


@dataclass(frozen=True)
class Listing:
    """A folder's files by what they are for.

    seeds     in the order of their names, 2 before 10
    outputs   the file of all seeds' outputs, if there is one
    targets   the file of right answers, if there is one
    nulls     folders of nulls by name
    pickles   files that could only be opened by running what is in them
    """

    seeds: tuple[SeedFiles, ...]
    outputs: Path | None
    targets: Path | None
    nulls: dict[str, Path]
    pickles: tuple[Path, ...]


def list_folder(path: Path) -> Listing:
    """What lies in a folder. Raises ValueError where it is none, or a name is a seed's twice."""
    if not path.is_dir():
        raise ValueError(f"{path}: wanted a folder of runs, got none.\n\n{LAYOUTS}")
    inside = sorted((p for p in path.iterdir() if not p.name.startswith(".")), key=_in_order)
    folders = [p for p in inside if p.is_dir()]
    shared = {p.stem: p for p in inside if p.suffix == ".npy" and p.stem in (*OUTPUTS, TARGETS)}
    alone: dict[str, list[Path]] = {}
    for file in _tensors(inside):
        if file not in shared.values():
            alone.setdefault(file.stem, []).append(file)
    own = {p.name: _tensors(_inside(p)) for p in folders if p.name not in NULLS}
    own = {name: files for name, files in own.items() if files}
    twice = sorted(set(alone) & set(own))
    if twice:
        raise ValueError(f"{path}: seed {twice[0]!r} has files beside a folder of its own")
    seeds = [SeedFiles(name, tuple(files), True) for name, files in alone.items()]
    seeds += [SeedFiles(name, tuple(files), False) for name, files in own.items()]
    seen = [*inside, *(file for p in folders if p.name not in NULLS for file in _inside(p))]
    return Listing(
        seeds=tuple(sorted(seeds, key=lambda seed: _natural(seed.name))),
        outputs=next((shared[name] for name in OUTPUTS if name in shared), None),
        targets=shared.get(TARGETS),
        nulls={p.name: p for p in folders if p.name in NULLS},
        pickles=tuple(p for p in seen if p.is_file() and p.suffix in PICKLES),
    )


def pickles_refused(pickles: tuple[Path, ...], root: Path) -> str:
    """Why these files were not opened, and what to do."""
    shown = ", ".join(str(p.relative_to(root)) for p in pickles[:3])
    more = f" and {len(pickles) - 3} more" if len(pickles) > 3 else ""
    return (
        f"not opened: {shown}{more}; such files are pickles, which run code when they are opened."
        " Save tensors with safetensors.torch.save_file or numpy.save instead"
    )


def _tensors(files: list[Path]) -> list[Path]:
    return [p for p in files if p.is_file() and p.suffix in TENSORS]


def _inside(folder: Path) -> list[Path]:
    return sorted((p for p in folder.iterdir() if not p.name.startswith(".")), key=_in_order)


def _in_order(path: Path) -> list[tuple[int, str]]:
    return _natural(path.name)


def _natural(name: str) -> list[tuple[int, str]]:
    """Numbers in a name by their size: seed-2 before seed-10."""
    pieces = re.split(r"(\d+)", name)
    return [(int(piece), "") if n % 2 else (-1, piece) for n, piece in enumerate(pieces)]
