"""The irreducible representations of the symmetric groups, one for each partition.

Basis: the standard tableaux.  The transposition s_i = (i, i+1) acts on the tableau T by 1/r on the
diagonal, r being the axial distance from i to i+1, and maps T to s_i T where that is standard:
Young's seminormal form, all rational.  Scaling the basis vectors by the square roots of their
squared norms gives Young's orthogonal form, with sqrt(1 - 1/r^2) off the diagonal.  Characters come
from the Murnaghan-Nakayama rule, independently of the matrices.

Sources: A. Young, Quantitative Substitutional Analysis VI (1931); G. D. James and A. Kerber, The
Representation Theory of the Symmetric Group (1981), chapters 2 and 3.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import cache

Partition = tuple[int, ...]
Tableau = tuple[tuple[int, int], ...]  # the (row, column) cell of 0, 1, ..., n-1


def partitions(n: int, largest: int | None = None) -> Iterator[Partition]:
    """All partitions of n, parts descending, the largest first part first."""
    if n == 0:
        yield ()
    for part in range(min(n, n if largest is None else largest), 0, -1):
        for rest in partitions(n - part, part):
            yield (part, *rest)


@cache
def character(shape: Partition, cycle_type: Partition) -> int:
    """The character of the irreducible `shape` on the class `cycle_type` (Murnaghan-Nakayama)."""
    if not cycle_type:
        return 1
    length, rest = cycle_type[0], cycle_type[1:]
    beads = [part + len(shape) - 1 - i for i, part in enumerate(shape)]
    total = 0
    for bead in beads:
        target = bead - length
        if target < 0 or target in beads:
            continue
        height = sum(target < other < bead for other in beads)
        moved = sorted([b for b in beads if b != bead] + [target], reverse=True)
        smaller = tuple(b - (len(moved) - 1 - i) for i, b in enumerate(moved))
        total += (-1) ** height * character(tuple(part for part in smaller if part), rest)
    return total


def standard_tableaux(shape: Partition) -> list[Tableau]:
    """All fillings that increase along rows and down columns; the row by row filling is first."""
    if not shape:
        return [()]
    found = []
    for row in reversed(range(len(shape))):
        if row == len(shape) - 1 or shape[row] > shape[row + 1]:
            smaller = (*shape[:row], shape[row] - 1, *shape[row + 1 :])
            cell = (row, shape[row] - 1)
            inner = standard_tableaux(tuple(part for part in smaller if part))
            found += [(*tableau, cell) for tableau in inner]
    return sorted(found)


def squared_norms(shape: Partition) -> list[Fraction]:
    """The squared norm of each tableau's seminormal basis vector, 1 for the first."""
    tableaux = standard_tableaux(shape)
    norms: dict[Tableau, Fraction] = {tableaux[0]: Fraction(1)}
    frontier = [tableaux[0]]
    while frontier:
        tableau = frontier.pop()
        for i in range(len(tableau) - 1):
            swapped, distance = _swap(tableau, i)
            if abs(distance) > 1 and swapped not in norms:
                lower = 1 - Fraction(1, distance**2)
                norms[swapped] = norms[tableau] * (lower if distance > 0 else 1 / lower)
                frontier.append(swapped)
    return [norms[tableau] for tableau in tableaux]


def _swap(tableau: Tableau, i: int) -> tuple[Tableau, int]:
    """The tableau with i and i+1 exchanged, and the axial distance from i to i+1."""
    (row, column), (next_row, next_column) = tableau[i], tableau[i + 1]
    distance = (next_column - next_row) - (column - row)
    swapped = (*tableau[:i], tableau[i + 1], tableau[i], *tableau[i + 2 :])
    return swapped, distance


def transposition(shape: Partition, i: int) -> list[list[Fraction]]:
    """The seminormal matrix of (i, i+1), columns being images of basis vectors."""
    tableaux = standard_tableaux(shape)
    index = {tableau: k for k, tableau in enumerate(tableaux)}
    matrix = [[Fraction(0)] * len(tableaux) for _ in tableaux]
    for k, tableau in enumerate(tableaux):
        swapped, distance = _swap(tableau, i)
        matrix[k][k] = Fraction(1, distance)
        if abs(distance) > 1:
            lower = 1 - Fraction(1, distance**2)
            matrix[index[swapped]][k] = Fraction(1) if distance > 0 else lower
    return matrix
