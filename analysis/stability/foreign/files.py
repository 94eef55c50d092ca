"""Which files of a folder belong to which seed, by their names; nothing is opened yet."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.stability.foreign.side_files import SIDE_FILES

TENSORS = (".safetensors", ".npy", ".npz")
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt", ".joblib")
OUTPUTS, TARGETS = ("outputs", "logits"), "targets"
NULLS = ("untrained", "shuffled")
MOST_NAMED = 8


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
    unused    what else lies there, each with why it is of no use
    """

    seeds: tuple[SeedFiles, ...]
    outputs: Path | None
    targets: Path | None
    nulls: dict[str, Path]
    pickles: tuple[Path, ...]
    unused: tuple[str, ...]


def list_folder(path: Path) -> Listing:
    """What lies in a folder. Raises ValueError where it is none, or a name is a seed's twice."""
    if path.is_file():
        raise ValueError(f"{path}: wanted a folder of runs, got a file: give the folder it is in")
    if not path.is_dir():
        raise ValueError(f"{path}: wanted a folder of runs, got none")
    inside = _inside(path)
    above = {path.resolve(), *path.resolve().parents}
    folders = [p for p in inside if p.is_dir() and p.resolve() not in above]
    shared = {p.stem: p for p in inside if p.suffix == ".npy" and p.stem in (*OUTPUTS, TARGETS)}
    shared = {name: file for name, file in shared.items() if file.is_file()}
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
        unused=tuple(_unused(path, list(own), above)),
    )


def left_out(listing: Listing, root: Path) -> str:
    """Files that were not opened or not used and why, in words; "" where all were used."""
    said = [pickles_refused(listing.pickles, root)] if listing.pickles else []
    if listing.unused:
        more = len(listing.unused) - MOST_NAMED
        named = ", ".join(listing.unused[:MOST_NAMED])
        said.append(f"not used: {named}{f' and {more} more' if more > 0 else ''}")
    return "; ".join(said)


def pickles_refused(pickles: tuple[Path, ...], root: Path) -> str:
    """Why these files were not opened, and what to do."""
    shown = ", ".join(str(p.relative_to(root)) for p in pickles[:3])
    more = f" and {len(pickles) - 3} more" if len(pickles) > 3 else ""
    return (
        f"not opened: {shown}{more}; such files are pickles, which run code when they are opened."
        " Save tensors with safetensors.torch.save_file or numpy.save instead"
    )


def _unused(root: Path, own: Sequence[str], above: set[Path]) -> Iterator[str]:
    """What of the folder, and of the seeds' own ones, is no file of any layout."""
    for p in sorted(root.iterdir(), key=_in_order):
        if p.is_dir() and not p.name.startswith("."):
            if p.resolve() in above:
                yield f"{p.name} (the folder itself, or one that it is in)"
            elif p.name not in own and p.name not in NULLS:
                yield f"{p.name}/ (no tensors in it)"
        elif reason := _useless(p, [f"{name}.json" for name in SIDE_FILES]):
            yield f"{p.name}{reason}"
    for name in own:
        for p in sorted((root / name).iterdir(), key=_in_order):
            if p.is_dir():
                yield f"{name}/{p.name}/ (folders in a seed's folder are not looked into)"
            elif reason := _useless(p, ()):
                yield f"{name}/{p.name}{reason}"


def _useless(file: Path, known: Sequence[str]) -> str:
    """Why a file is of no use, in brackets; "" for one that is used."""
    if file.name.startswith("."):
        return " (hidden)"
    if not file.exists():
        return " (a link to nothing)"
    if file.suffix in (*TENSORS, *PICKLES) or file.name in known:
        return ""
    return " (no file of these layouts)"


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
