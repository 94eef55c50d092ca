"""What is left of the entropy of parameters once copies of one function count as one.

    H(Theta) = H(Theta / G) + log |G|

holds for a finite group G that acts freely on the parameters that training reaches, when training
gives g theta as often as theta: when initialisation and optimiser both respect G. So two symmetries
are asked for. That of the architecture says which parameters compute one function; that of training
says which of those are equally likely. Under Adam, whose steps are taken coordinate by coordinate,
permutations and signs are, rotations are not. Groups that are in the first and not in the second
are no part of the identity: theta and g theta need not be equally likely, so the copies may weigh
anything from nothing to log |G|.

Continuous groups have a volume in place of an order and are left out of the count, by name.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from interpretable_arch.symmetries.groups import Orthogonal, Permutation, Sign
from interpretable_arch.symmetry import Action, Factor, Group, Parameters, Symmetry


@dataclass(frozen=True)
class TrainingSymmetry:
    """The kinds of groups that an optimiser respects, given an initialisation that does.

    Independent draws of equal law for all units respect permutations; a law symmetric about zero
    respects signs; a normal law respects rotations.
    """

    optimiser: str
    respects: tuple[type[Group], ...]


ADAM = TrainingSymmetry("adam", (Permutation, Sign))
ADAMW = TrainingSymmetry("adamw", (Permutation, Sign))
SGD = TrainingSymmetry("sgd", (Permutation, Sign, Orthogonal))
MUON = TrainingSymmetry("muon", (Permutation, Sign, Orthogonal))
CLAIMS = {claim.optimiser: claim for claim in (ADAM, ADAMW, SGD, MUON)}


@dataclass(frozen=True)
class Quotient:
    """log |G| of the finite part that training respects, in bits.

    bits        what H(Theta) holds in copies of one function
    counted     factors in G;  continuous: respected, but with a volume in place of an order
    not_respected  factors of the architecture that training treats as different
    statement   the same in words
    """

    bits: float
    counted: tuple[str, ...]
    continuous: tuple[str, ...]
    not_respected: tuple[str, ...]
    statement: str
    unit: str = "bits"


def quotient(architecture: Symmetry, training: TrainingSymmetry) -> Quotient:
    """log |G|, exact where G acts freely: `not_free` says where, at given parameters, it does not.

    The factors' orders multiply, as the architecture declares them: a product of groups.
    """
    respected = [f for f in architecture.factors if isinstance(f.group, training.respects)]
    counted = [f for f in respected if f.group.dimension == 0]
    bits = math.fsum(f.copies * f.group.log_order for f in counted) / math.log(2)
    names = [tuple(f.name for f in part) for part in (counted, respected, architecture.factors)]
    continuous = tuple(name for name in names[1] if name not in names[0])
    broken = tuple(name for name in names[2] if name not in names[1])
    return Quotient(
        bits=bits,
        counted=names[0],
        continuous=continuous,
        not_respected=broken,
        statement=_statement(bits, names[0], continuous, broken, training.optimiser),
    )


def entropy_of_functions(entropy: float, found: Quotient) -> float:
    """H(Theta/G) = H(Theta) - log |G|, all in bits; an equality under the hypotheses above.

    Raises ValueError where `entropy`, of discrete parameters, is less than log |G|: impossible when
    the group acts freely and is respected.
    """
    if not entropy >= found.bits - 1e-9:
        wanted = f"at least log |G| = {found.bits:.4g} bits"
        raise ValueError(f"entropy: wanted {wanted}, got {entropy:.4g}: G is not free or not kept")
    return max(entropy - found.bits, 0.0)


def not_free(
    architecture: Symmetry, training: TrainingSymmetry, parameters: Parameters
) -> tuple[str, ...]:
    """Names of the counted factors that fix these parameters: units alike, or zero for signs.

    Units that are each other's negatives count as alike where signs of the same units are counted.
    Empty at generic parameters; a name means that |G| is more than the number of copies there.
    """
    names = quotient(architecture, training).counted
    factors = [f for f in architecture.factors if f.name in names]
    signed = {_place(a) for f in factors if isinstance(f.group, Sign) for a in f.actions}
    found = []
    for factor in factors:
        units = _units(factor, parameters)
        if isinstance(factor.group, Sign):
            fixed = bool((units == 0).all(-1).any())
        else:
            both = any(_place(a) in signed for a in factor.actions)
            fixed = _any_alike(units) or (both and _any_alike(_sign_free(units)))
        found += [factor.name] if fixed else []
    return tuple(found)


def _place(action: Action) -> tuple[str, int]:
    return action.parameter, action.axis


def _units(factor: Factor, parameters: Parameters) -> Tensor:
    """All that the factor moves, [copies, unit, number]."""
    views = [a.view(parameters[a.parameter]) for a in factor.actions]
    copies = max(len(view) for view in views)
    return torch.cat([view.expand(copies, *view.shape[1:]) for view in views], -1)


def _any_alike(units: Tensor) -> bool:
    return any(len(torch.unique(copy, dim=0)) < len(copy) for copy in units)


def _sign_free(units: Tensor) -> Tensor:
    """Each unit with its first entry that is not zero made positive."""
    first = (units != 0).double().argmax(-1, keepdim=True)
    return units * units.gather(-1, first).sign()


def _statement(
    bits: float,
    counted: tuple[str, ...],
    continuous: tuple[str, ...],
    broken: tuple[str, ...],
    optimiser: str,
) -> str:
    said = [
        f"copies of one function hold {bits:.1f} bits of the entropy of parameters"
        f" ({', '.join(counted)}), if initialisation respects them as {optimiser} does"
        if counted
        else f"no finite symmetry that {optimiser} respects: copies hold no bits"
    ]
    if continuous:
        said.append(f"respected but continuous, not counted: {', '.join(continuous)}")
    if broken:
        said.append(f"not respected by {optimiser}, not counted: {', '.join(broken)}")
    return "; ".join(said)
