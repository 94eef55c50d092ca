"""Every reader that a trained model is shown to, one line each; one without news gives None."""

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import nn

from analysis.reading.certificates import read_certificate
from analysis.reading.circuits.induction import read_induction
from analysis.reading.circuits.paths import read_paths
from analysis.reading.circuits.pruning import read_pruning
from analysis.reading.circuits.sparsity import read_sparsity
from analysis.reading.eigenfeatures import read_eigenfeatures
from analysis.reading.experts import read_experts
from analysis.reading.finding import Finding
from analysis.reading.formulas.additive import read_additive
from analysis.reading.formulas.polynomials import read_polynomials
from analysis.reading.formulas.rerun import read_rerun
from analysis.reading.formulas.spline_formula import read_symbolic
from analysis.reading.geometry.curved import read_curved
from analysis.reading.groups.operation import read_operation
from analysis.reading.groups.theory import read_kernel, read_margin_proof
from analysis.reading.sequences.automaton import read_automaton
from analysis.reading.sequences.channel import read_channel
from analysis.reading.sequences.description_accuracy import read_description_accuracy
from analysis.reading.sequences.lsrdr import read_lsrdr
from analysis.reading.shown_products import read_shown_products
from analysis.reading.signals.rational import read_rational
from analysis.reading.tables.additive_terms import read_additive_terms
from analysis.reading.tables.discrimination import read_discrimination
from analysis.reading.words.context_votes import read_context_votes
from analysis.reading.words.meanings import read_meanings
from analysis.reading.words.remainder import read_remainder
from analysis.reading.words.sense_tensor import read_sense_tensor
from analysis.reading.words.senses import read_senses
from interpretable_arch.registry import nearest
from training.data.task import Task

Reader = Callable[[nn.Module, Task], Finding | None]
READERS: tuple[Reader, ...] = (
    read_certificate,
    read_rerun,
    read_experts,
    read_eigenfeatures,
    read_senses,
    read_meanings,
    read_context_votes,
    read_remainder,
    read_sense_tensor,
    read_induction,
    read_paths,
    read_sparsity,
    read_symbolic,
    read_additive,
    read_additive_terms,
    read_discrimination,
    read_automaton,
    read_description_accuracy,
    read_channel,
    read_lsrdr,
    read_curved,
    read_rational,
    read_polynomials,
    read_shown_products,
    read_operation,
    read_kernel,
    read_margin_proof,
)
# These take many seconds a model.
ON_REQUEST: Mapping[str, Reader] = {"pruning": read_pruning}


def check_readers(names: Iterable[str]) -> None:
    """ValueError, naming the nearest, for a reader that there is none of."""
    for name in names:
        if name not in ON_REQUEST:
            raise ValueError(nearest("also_read", name, ON_REQUEST))


def read_all(model: nn.Module, task: Task, also: Iterable[str] = ()) -> tuple[Finding, ...]:
    """What each reader finds in a model, and those asked for by name; nothing is changed."""
    check_readers(also)
    with torch.no_grad():
        found = [r(model, task) for r in (*READERS, *(ON_REQUEST[name] for name in also))]
    return tuple(f for f in found if f is not None)
