"""What the seeds' files hold, by the level at which it is compared, and reasons for the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from jaxtyping import Shaped
from torch import Tensor

from analysis.stability.choices import as_choices
from analysis.stability.foreign.dictionaries import SPELLINGS, dictionaries_of, is_dictionary
from analysis.stability.foreign.files import OUTPUTS
from analysis.stability.foreign.gathered import (
    Seed,
    constant_features,
    not_finite_weights,
    rows_by_site,
    unlike_weights,
)
from analysis.stability.foreign.probabilities import as_logits
from analysis.stability.material import Material

NO_SYMMETRY = (
    "weights in files come without their architecture, and so without the symmetry that they are"
    " compared modulo: on the command line say `--of CONFIG.yaml`, whose model they are of; in"
    " Python build the models and pass them to `analysis.stability.report`"
)

Found = tuple[Material, dict[str, str]]


def with_weights(material: Material, seeds: Sequence[Seed]) -> Found:
    """Weights as `parameters`, or as `dictionaries` where each seed's are an autoencoder's.

    `symmetries` stay empty: what is absent then is the comparison of weights modulo them.
    """
    kept = [seed for seed in seeds if not seed.diverged]
    if not any(seed.weights for seed in kept):
        return material, {}
    without = [seed.name for seed in kept if not seed.weights]
    if without:
        return material, {"weights": f"seed {without[0]} has none"}
    if all(is_dictionary(seed.weights) for seed in kept):
        return _with_dictionaries(material, [(s, s.weights) for s in seeds])
    reason = unlike_weights(kept) or not_finite_weights(kept)
    if reason:
        return material, {"weights": reason}
    parameters = tuple({} if seed.diverged else seed.weights for seed in seeds)
    return replace(material, parameters=parameters), {"weights": NO_SYMMETRY}


def with_arrays(material: Material, seeds: Sequence[Seed]) -> Found:
    """Recorded arrays as `representations` and `activations` by site, or as `dictionaries`.

    Features are compared in both ways: as a whole whatever their basis, and matched one by one.
    """
    kept = [seed for seed in seeds if not seed.diverged]
    absent: dict[str, str] = {}
    if not material.dictionaries and any(name in SPELLINGS for s in kept for name in s.arrays):
        named = [(s, {k: v for k, v in s.arrays.items() if k in SPELLINGS}) for s in seeds]
        material, absent = _with_dictionaries(material, named)
    sites = dict.fromkeys(name for seed in kept for name in seed.arrays)
    sites = [site for site in sites if site not in OUTPUTS and site not in SPELLINGS]
    found, faults = rows_by_site(seeds, sites)
    absent |= _in_one("representations", faults)
    constant = {site: constant_features(material.names, rows) for site, rows in found.items()}
    absent |= _in_one("constant features", {k: v for k, v in constant.items() if v})
    return replace(material, representations=found, activations=found), absent


def with_outputs(
    material: Material,
    seeds: Sequence[Seed],
    shared: Shaped[Tensor, "..."] | None,
    targets: Shaped[Tensor, "..."] | None,
) -> Found:
    """Outputs [seed, input, output], each seed's own or `shared` by all in one file, and targets.

    Targets that are values make the outputs values too, which become choices. Raises ValueError for
    a shared file of another number of seeds.
    """
    if shared is not None:
        if shared.ndim < 3 or len(shared) != len(seeds):
            wanted = f"[{len(seeds)} seeds, input, output]"
            raise ValueError(f"outputs.npy: wanted {wanted}, got shape {tuple(shared.shape)}")
        rows = zip(seeds, shared, strict=True)
        seeds = [replace(seed, arrays={**seed.arrays, OUTPUTS[0]: row}) for seed, row in rows]
    kept = [seed for seed in seeds if not seed.diverged]
    site = next((name for name in OUTPUTS if any(name in seed.arrays for seed in kept)), None)
    if site is None:
        return material, {} if targets is None else {"targets": "there are no outputs beside them"}
    found, faults = rows_by_site(seeds, [site])
    if faults:
        return material, {"outputs": faults[site]}
    widths = {rows.shape[1] for rows, seed in zip(found[site], seeds, strict=True) if seed in kept}
    if len(widths) > 1:
        return material, {"outputs": f"models choose among different numbers, {sorted(widths)}"}
    return _with_choices(material, found[site], targets)


def _with_choices(
    material: Material, rows: Sequence[Tensor], targets: Shaped[Tensor, "..."] | None
) -> Found:
    """Outputs as logits, NaN for diverged seeds; targets where they are numbers of classes."""
    full = next(each for each in rows if each.numel())
    inputs, width = full.shape
    absent: dict[str, str] = {}
    values_given = targets is not None and targets.is_floating_point()
    if targets is not None and values_given:
        if targets.numel() != full.numel() or not bool(targets.isfinite().all()):
            reason = f"wanted {inputs} x {width} finite values, got shape {tuple(targets.shape)}"
            return material, {"outputs": f"targets.npy: {reason}"}
        values = targets.reshape(inputs, width).to(full.dtype)
        rows, targets = [as_choices(r, values) if r.numel() else r for r in rows], None
    elif width < 2:
        return material, {"outputs": "one output is no choice; give its right values, targets.npy"}
    elif targets is not None and targets.numel() != inputs:
        reason = f"wanted one answer for each of {inputs} inputs, got {targets.numel()}"
        targets, absent = None, {"targets": reason}
    if not values_given:
        rows, said = as_logits(material.names, rows)
        absent |= {"logits": said} if said else {}
    full = next(each for each in rows if each.numel())
    blank = torch.full_like(full, torch.nan)
    return replace(
        material,
        outputs=torch.stack([each if each.numel() else blank for each in rows]),
        targets=None if targets is None else targets.flatten().long(),
    ), absent


def _with_dictionaries(
    material: Material, named: Sequence[tuple[Seed, Mapping[str, Tensor]]]
) -> Found:
    try:
        found = {s.name: dictionaries_of(tensors) for s, tensors in named if not s.diverged}
    except ValueError as error:
        return material, {"features": str(error)}
    kinds = dict.fromkeys(kind for each in found.values() for kind in each)
    faults = {kind: _dictionary_fault(found, kind) for kind in kinds}
    empty = torch.empty(0, 0)
    rows = {
        kind: tuple(empty if s.diverged else found[s.name][kind] for s, _ in named)
        for kind in kinds
        if not faults[kind]
    }
    reasons = {kind: fault for kind, fault in faults.items() if fault}
    return replace(material, dictionaries=rows), _in_one("features", reasons)


def _dictionary_fault(found: Mapping[str, Mapping[str, Tensor]], kind: str) -> str:
    """Why the seeds' dictionaries of this kind can't be compared; "" where they can."""
    for name, each in found.items():
        if kind not in each:
            return f"seed {name} has none"
        if not bool(each[kind].isfinite().all()):
            return f"seed {name} holds NaN or infinity"
    spaces = sorted({each[kind].shape[1] for each in found.values()})
    return f"features lie in spaces of {spaces} dimensions" if len(spaces) > 1 else ""


def _in_one(level: str, faults: dict[str, str]) -> dict[str, str]:
    """The reasons of several sites as that of one level."""
    return {level: "; ".join(f"{k}: {v}" for k, v in faults.items())} if faults else {}
