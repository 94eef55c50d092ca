"""Neural networks that can be read because of how they are built.

Every registered layer and model answers four questions: what it computes (`forward`), of which
named parts that is the sum (`decompose`), what may change without changing its function
(`symmetry`), and what can be read off it (`interpretation`).
"""

from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Edit, edited
from interpretable_arch.hooks import HookPoint, overridden, record
from interpretable_arch.interpretation import Feature, Formula, Graph, Interpretation
from interpretable_arch.registry import build, registered
from interpretable_arch.symmetry import Symmetry

__all__ = [
    "Component",
    "Decomposition",
    "Edit",
    "Exactness",
    "Feature",
    "Formula",
    "Graph",
    "HookPoint",
    "Interpretation",
    "Symmetry",
    "build",
    "edited",
    "overridden",
    "record",
    "registered",
]
