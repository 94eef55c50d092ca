"""A folder of runs of any origin -> the material of every level, recognised by what is in it."""

from analysis.stability.foreign.folder import load_folder
from analysis.stability.foreign.kind import kind_of

__all__ = ["kind_of", "load_folder"]
