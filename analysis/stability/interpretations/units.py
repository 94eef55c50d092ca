"""Which nodes of a circuit are alike by symmetry: the heads of a layer, the neurons of a layer.

A node's name says what it is. `blocks.0.attn.head.rank.3.query` is the port `query` of unit 3 of
the group `blocks.0.attn.head`: the units of a group may be put in any order, and all ports of a
unit move together; so may `L0H3` and `a0.h3`. Outputs mean what they stand for, so `out.1` stays,
but where it is a rank (`layers.0.out.rank.1`, one of the hidden units of a KAN). What names no such
unit stays where it is. The role of a node is its name without any number, so that models of other
depths and widths compare.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

SYMMETRIC = ("head", "neuron", "expert", "unit", "sense", "code", "feature", "latent")
RANKED = "out"  # units only where their number is said to be a rank
_SHORT = re.compile(r"^(?P<group>[A-Za-z]?\d+\.?[hHnN])(?P<index>\d+)(?P<port>[._].*)?$")


@dataclass(frozen=True)
class Node:
    """`group` is "" for a node that has no like; `port` is what remains of its name."""

    group: str
    index: int
    port: str


def node(name: str, symmetric: Sequence[str] = SYMMETRIC) -> Node:
    """The node that a name stands for; the last of the `symmetric` words in it names the group."""
    words = "|".join(map(re.escape, symmetric))
    unit = rf"(?:(?:{words})(?=\.(?:rank\.)?\d)|{RANKED}(?=\.rank\.))"
    long = rf"^(?P<group>(?:.*\.)?{unit})\.(?:rank\.)?(?P<index>\d+)(?P<port>\..*)?$"
    found = re.match(long, name) or _SHORT.match(name)
    if found is None:
        return Node("", 0, name)
    return Node(found["group"], int(found["index"]), found["port"] or "")


def role(name: str) -> str:
    """The name without its numbers: `blocks.1.attn.head.rank.0.query` is `blocks.attn.head.query`.

    What is named by its number alone, as `L0H3`, keeps the letters: `LH`.
    """
    plain = re.sub(r"\.rank(?=\.\d)", "", name)
    plain = re.sub(r"\.\d+(?=\.|$)", "", plain)
    return re.sub(r"\d+", "", plain) or name
