"""How far two models' parameters are apart: ||theta - theta'||^2, tensor by tensor.

Whole numbers and flags, such as the counts of a batch norm or a mask, are no weights and no part of
any distance; complex numbers count by modulus. Models are moved and compared in float64
(`widened`): where many elements are nearly as good, the rounding of float32, which depends on where
memory lies, would decide which is found.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from interpretable_arch.symmetry import Element, Parameters, Symmetry


def gaps(moved: Parameters, reference: Parameters, names: Iterable[str]) -> dict[str, float]:
    """The squared distance of each named tensor, 0 where it holds no weights; infinite where a
    number is none."""
    found = {}
    for name in names:
        if not is_weight(reference[name]):
            found[name] = 0.0
            continue
        apart = _wide(moved[name]) - _wide(reference[name])
        value = float(torch.linalg.vector_norm(apart)) ** 2 if apart.numel() else 0.0
        found[name] = value if math.isfinite(value) else math.inf
    return found


def size(parameters: Parameters) -> float:
    """||theta||."""
    zero = {n: torch.zeros_like(v) for n, v in parameters.items()}
    return math.sqrt(math.fsum(gaps(parameters, zero, parameters).values()))


def distance(moved: Parameters, reference: Parameters) -> float:
    """||theta - theta'|| / ||theta'||; infinite from a model of size 0 to any other."""
    apart = math.sqrt(math.fsum(gaps(moved, reference, reference).values()))
    whole = size(reference)
    if whole == 0:
        return 0.0 if apart == 0 else math.inf
    return apart / whole


def distance_under(
    element: Element, parameters: Parameters, reference: Parameters, symmetry: Symmetry
) -> float:
    """`distance` of g theta from theta'."""
    return distance(symmetry.act(element, parameters), reference)


def precision(parameters: Parameters) -> torch.dtype:
    """The real floating type of the parameters, the widest of several; float64 where none is."""
    kinds = {v.dtype for v in parameters.values() if v.is_floating_point()}
    return torch.float64 if not kinds or torch.float64 in kinds else torch.float32


def is_weight(value: Tensor) -> bool:
    """Whether training moves such numbers: real or complex ones, not whole numbers or flags."""
    return value.is_floating_point() or value.is_complex()


def widened(parameters: Parameters) -> Parameters:
    """The same weights in float64, complex ones in complex128."""
    return {name: _wide(value) if is_weight(value) else value for name, value in parameters.items()}


def check_comparable(parameters: Parameters, reference: Parameters) -> None:
    """Raises ValueError, naming the tensor, for other names, another shape or numbers that aren't
    finite."""
    if set(parameters) != set(reference):
        odd = ", ".join(sorted(set(parameters) ^ set(reference))[:3])
        raise ValueError(f"parameters: wanted the same names in both, got {odd} in one alone")
    for name, value in reference.items():
        other = parameters[name]
        if other.shape != value.shape:
            wanted, got = tuple(value.shape), tuple(other.shape)
            raise ValueError(f"{name}: wanted shape {wanted}, got {got}")
        bad = sum(int((~v.isfinite()).sum()) for v in (other, value))
        if bad:
            raise ValueError(f"{name}: wanted finite numbers, got {bad} that are not")


def _wide(value: Tensor) -> Tensor:
    return value.to(torch.promote_types(value.dtype, torch.float64))
