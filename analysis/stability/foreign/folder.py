"""A folder of foreign runs -> `Material`: what is there is used, what can't be is named with why.

The layouts are in `layouts.LAYOUTS`; files are told apart by their kind and by the tensors in them.
Each thing that was given ends in the material or, with a reason, in `Material.absent`; where
nothing ends in the material, the reasons are the error.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from torch import Tensor

from analysis.stability.duplicates import duplicates
from analysis.stability.foreign.factors_told import factors
from analysis.stability.foreign.files import Listing, SeedFiles, left_out, list_folder
from analysis.stability.foreign.gathered import Seed
from analysis.stability.foreign.kind import kind_of
from analysis.stability.foreign.layouts import LAYOUTS
from analysis.stability.foreign.levels import NO_SYMMETRY, with_arrays, with_outputs, with_weights
from analysis.stability.foreign.side_files import (
    every_seed,
    failed,
    names_told,
    number,
    read_side_files,
    text,
)
from analysis.stability.foreign.tensors import read_array, read_arrays, read_weights
from analysis.stability.foreign.told import interpretations_told
from analysis.stability.material import Material


def load_folder(path: Path | str, *, allow_duplicates: bool = False) -> Material:
    """What K models of any origin are compared on, from a folder laid out as `LAYOUTS` says.

    Seeds are named after their files, 2 before 10. Arrays are memory-mapped and stay whole: whoever
    compares many inputs thins them. The nulls in untrained/ and shuffled/ are read the same way.

    Raises ValueError for no folder, a folder of our own runs, a file that can't be read without
    pickle, two seeds with the same tensors to the bit (a run given twice agrees with itself for
    nothing; with `allow_duplicates` they are kept and named in `absent`), files beside the seeds
    that name another seed, and where nothing is left that could be compared.
    """
    root = Path(path)
    listing = list_folder(root)
    if kind_of(root) == "runs":
        raise ValueError(
            f"{root}: wanted foreign runs, got this project's own: give the configuration that"
            " trained them, and they are read with their models"
        )
    material, seeds, absent = _named(root, listing)
    absent |= _twice(seeds, allow_duplicates)
    material, without = with_weights(material, seeds)
    absent |= without
    material, without = with_arrays(material, seeds)
    absent |= without
    targets = None if listing.targets is None else read_array(listing.targets)
    outputs = None if listing.outputs is None else read_array(listing.outputs)
    material, without = with_outputs(material, seeds, outputs, targets)
    absent |= without
    material = replace(material, absent=absent)
    if not (_compared(material) or material.parameters):
        _refuse(material, root)
    nulls = {
        name: load_folder(folder, allow_duplicates=allow_duplicates)
        for name, folder in listing.nulls.items()
    }
    of_nulls = {
        f"{key} of {name}": reason
        for name, null in nulls.items()
        for key, reason in null.absent.items()
        if reason != NO_SYMMETRY
    }
    return replace(material, absent=absent | of_nulls, **nulls)


def check_comparable(material: Material, root: Path | str) -> None:
    """ValueError where bare weights are all there is: nothing of them can be compared."""
    if not _compared(material):
        _refuse(material, Path(root))


def _named(root: Path, listing: Listing) -> tuple[Material, list[Seed], dict[str, str]]:
    """The seeds, what the files beside them say, and what of that is of no use."""
    told = read_side_files(root)
    names = tuple(each.name for each in listing.seeds) or names_told(told)
    if not names and listing.outputs is not None:
        names = tuple(f"seed {n}" for n in range(len(read_array(listing.outputs))))
    diverged = failed(told, names)
    flags = diverged or (False,) * len(names)
    files = listing.seeds or tuple(SeedFiles(name, (), True) for name in names)
    seeds = [_seed(each, flag) for each, flag in zip(files, flags, strict=True)]
    levels, no_factors = factors(told, names)
    lost = [name for name, flag in zip(names, flags, strict=True) if flag]
    absent = {
        "files": left_out(listing, root),
        "diverged": f"{len(lost)} of {len(names)} runs: {', '.join(lost)}" if lost else "",
        "pairs": f"one seed, {names[0]}: there is no pair to compare" if len(names) == 1 else "",
        "factors": no_factors,
    }
    material = Material(
        names=names,
        architectures=every_seed(told, "architectures", names, text),
        diverged=diverged,
        labels=every_seed(told, "labels", names, text, unread=dict.fromkeys(lost, "")),
        losses=every_seed(told, "losses", names, number, unread=dict.fromkeys(lost, math.nan)),
        interpretations=interpretations_told(told, names, unread=lost),
        factors=levels,
    )
    return material, seeds, {key: reason for key, reason in absent.items() if reason}


def _seed(files: SeedFiles, diverged: bool) -> Seed:
    weights = tuple(file for file in files.files if file.suffix == ".safetensors")
    arrays = tuple(file for file in files.files if file.suffix != ".safetensors")
    return Seed(files.name, diverged, read_weights(weights), read_arrays(arrays, alone=files.alone))


def _twice(seeds: Sequence[Seed], allowed: bool) -> dict[str, str]:
    """Seeds that are one run given twice: an error, or where allowed, a reason to doubt."""
    kinds = {
        "weights": [s.weights for s in seeds],
        # Arrays of no entries are all alike, and are told apart as empty later.
        "arrays": [s.arrays if any(map(Tensor.numel, s.arrays.values())) else {} for s in seeds],
    }
    for kind, tensors in kinds.items():
        pairs = duplicates(tensors)
        if pairs:
            first, second = (seeds[n].name for n in (pairs[0].first, pairs[0].second))
            said = (
                f"seeds {first} and {second} hold the same {kind} to the bit"
                f" (SHA-256 {pairs[0].checksum[:16]}...)"
            )
            if not allowed:
                raise ValueError(
                    f"{said}: one run given as two seeds agrees with itself for nothing; take one"
                    " away, or say --allow_duplicates (in Python, allow_duplicates=True)"
                )
            return {"duplicates": f"{said}, {len(pairs)} in all: agreement is partly a copy's"}
    return {}


def _compared(material: Material) -> bool:
    """Whether there is anything that some level compares without the models themselves."""
    given = (
        material.outputs is not None,
        material.representations,
        material.dictionaries,
        material.labels,
        any(each is not None for each in material.interpretations),
        len(material.losses) and material.factors,
    )
    return any(given)


def _refuse(material: Material, root: Path) -> NoReturn:
    """ValueError with all that stood in the way; the layouts where nothing was laid out so."""
    reasons = "".join(f"\n  {key}: {reason}" for key, reason in material.absent.items())
    taught = "" if material.names else f"\n\n{LAYOUTS}"
    raise ValueError(f"{root}: nothing to compare was found here{reasons}{taught}")
