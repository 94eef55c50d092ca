"""On what the uniqueness of a model rests: its certificate as a table, checked number by number."""

from typing import Any

from torch import nn

from analysis.exhibits import Table
from analysis.reading.finding import Finding
from interpretable_arch.certificate import Certificate
from training.data.task import Task

SETTLES = {
    "optimum": "one optimum (1: every condition holds)",
    "form": "one form of this solution, of which there may be others (1: every condition holds)",
}


def read_certificate(model: nn.Module, task: Task) -> Finding | None:
    """The conditions with their values and bounds; None for a model that claims no uniqueness."""
    found: Any = model
    if not hasattr(model, "certificate"):
        return None
    return certificate_finding(found.certificate())


def certificate_finding(certificate: Certificate) -> Finding:
    """The certificate as a finding: what is settled is 1 where every condition holds, else 0."""
    rows = [
        (c.name, c.value, f"{'>' if c.wants == 'above' else '<='} {c.bound:.3g}", _kept(c.holds))
        for c in certificate.conditions
    ]
    table = Table("Conditions", ("condition", "value", "wanted", "kept"), tuple(rows))
    said = certificate.unique if certificate.holds else f"Not certified: {certificate.unique}"
    what = SETTLES[certificate.settles]
    failed = tuple(f"Failed: {c}" for c in certificate.failed)
    figures = {c.name: c.value for c in certificate.conditions}
    return Finding(
        title="Certificate",
        figures={what: float(certificate.holds), **figures, **certificate.figures},
        exhibits=(table,),
        notes=(said, *failed, *certificate.notes),
    )


def _kept(holds: bool) -> str:
    return "holds" if holds else "FAILS"
