"""What group theory says of matrix-valued tokens: kernel, centre, irreducibles and their types.

Kernel, scalars and centre are read off the trained matrices, with residuals, and stand beside those
of the exact characters. The margin proof of the group is shown step by step.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from analysis.exhibits import Table
from analysis.reading.finding import Finding
from analysis.reading.groups.answers import answered, answered_group, order_of
from analysis.reading.groups.kernel import (
    NEAR,
    KernelAndCentre,
    exact_kernel,
    exact_scalars,
    kernel_and_centre,
)
from analysis.reading.groups.margin_proof import MarginProof, margin_proof
from analysis.reading.groups.representation import distance_from_one
from interpretable_arch.maths.groups.characters import CharacterTable, character_table
from interpretable_arch.maths.groups.finite_groups import FiniteGroup
from training.data.task import Task

LISTED = 24
OF_B = "Read off B_g = A_g A_e*, which is 1 at the identity by itself."
NO_IDENTITY = "A_e is not near 1: the matrices A_g themselves are no representation."


def read_kernel(model: nn.Module, task: Task) -> Finding | None:
    """Kernel, scalars and centre of B_g = A_g A_e*, and its irreducibles by name and type.

    Beside them how far A_e is from 1: where it is not near, A itself is no representation.

    None for a model without a matrix for each element, or whose answers are no group.
    """
    found = _matrices(model, task)
    if found is None:
        return None
    A, group = found
    B = torch.einsum("gij,kj->gik", A, A[group.identity].conj())
    read, table = kernel_and_centre(B, group), character_table(group)
    apart = distance_from_one(A[group.identity])
    real_centre = sum(len(members) == 1 for members in group.classes)
    return Finding(
        title="Kernel, centre and irreducibles",
        figures={
            "elements of the kernel": float(len(read.kernel.elements)),
            "elements that are scalars": float(len(read.scalars.elements)),
            "elements of the centre": float(len(read.centre.elements)),
            "worst residual of the centre": read.centre.residual,
            "elements of the group's own centre": float(real_centre),
            "distance of A_e from 1": apart,
        },
        exhibits=(_subgroups(read, group), _irreducibles(B, table)),
        notes=(OF_B,) if apart <= NEAR else (OF_B, NO_IDENTITY),
    )


def read_margin_proof(model: nn.Module, task: Task) -> Finding | None:
    """The margin proof of the group that the model answers with; None as `read_kernel`."""
    found = _matrices(model, task)
    if found is None or found[1].order < 2:
        return None
    return proof_finding(margin_proof(found[1]))


def proof_finding(proof: MarginProof) -> Finding:
    """The steps, the multiplicities, and what the real part alone would allow, as tables."""
    n = proof.order
    steps = tuple(
        (s.name, s.statement, s.claim, "true" if s.holds else "FALSE") for s in proof.steps
    )
    others = tuple((o.label, str(o.loss)) for o in proof.others[:LISTED])
    exhibits = [
        Table("The margin proof", ("step", "statement", "checked exactly", "sympy says"), steps),
        Table(
            "Multiplicities that zero loss forces at width d",
            ("irreducible", "dimension", "type", "multiplicity"),
            tuple((name, float(size), *rest) for name, size, *rest in proof.multiplicities),
        ),
    ]
    if others:
        title = "What a loss on the real part alone also allows, with its loss once |z| counts"
        title += (
            f": {len(others)} of {proof.others_count}" if len(others) < proof.others_count else ""
        )
        exhibits.append(Table(title, ("other than d_rho", "loss a product"), others))
    return Finding(
        title="Margin proof",
        figures={
            "steps that hold, share": sum(s.holds for s in proof.steps) / len(proof.steps),
            "largest margin": n / (n - 1),
            "other solutions of the real part": float(proof.others_count),
        },
        exhibits=tuple(exhibits),
    )


def _matrices(model: nn.Module, task: Task) -> tuple[Tensor, FiniteGroup] | None:
    """The matrices in complex128 and the group of the answers; None where either is lacking."""
    order = order_of(task)
    matrices: Callable[[], Tensor] | None = getattr(model, "matrices", None)
    if order is None or matrices is None:
        return None
    A = matrices().detach().cpu().to(torch.complex128)
    if not bool(torch.isfinite(torch.view_as_real(A)).all()):
        return None
    group = answered_group(answered(model, order), task)
    return None if group is None else (A, group)


def _subgroups(read: KernelAndCentre, group: FiniteGroup) -> Table:
    rows = []
    named = (("kernel", read.kernel), ("scalars", read.scalars), ("centre", read.centre))
    for name, found in named:
        shown = ", ".join(group.labels[g] for g in found.elements[:LISTED])
        more = " ..." if len(found.elements) > LISTED else ""
        outside = "none" if found.outside is None else found.outside
        rows.append((name, float(len(found.elements)), shown + more, found.residual, outside))
    columns = ("part", "elements", "which", "worst residual", "least outside")
    return Table("Kernel and centre, read off the matrices", columns, tuple(rows))


def _irreducibles(B: Tensor, table: CharacterTable) -> Table:
    """Each irreducible: type, multiplicity in the matrices, and its own kernel and scalars."""
    chi = torch.einsum("gii->g", B)
    inner = torch.einsum("g,rg->r", chi, table.on_elements.conj()) / len(chi)
    rows = []
    for i, (name, d, kind) in enumerate(
        zip(table.names, table.dimensions, table.types, strict=True)
    ):
        kernel, scalars = len(exact_kernel(table, i)), len(exact_scalars(table, i))
        sizes = float(kernel), float(scalars)
        rows.append((name, float(d), kind, float(inner[i].real), *sizes))
    columns = ("irreducible", "dimension", "type", "multiplicity", "its kernel", "its scalars")
    return Table("Irreducibles", columns, tuple(rows))
