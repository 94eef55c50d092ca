"""Exact character tables of every named group up to an order, checked in integers and timed.

    python tests/benchmarks/character_tables.py [--most-order 60] [--json FILE]

Building a table checks that its rows are orthonormal in cyclotomic integers; here the columns are
checked too, sum over rho of chi_rho(g) conj chi_rho(h) = |G| / |C| or 0, and that squares of the
dimensions add to the order. Then five groups near order 200.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from interpretable_arch.maths.groups.characters import CharacterTable, character_table
from interpretable_arch.maths.groups.cyclotomic import powers
from interpretable_arch.maths.groups.families import named_groups
from interpretable_arch.maths.groups.finite_groups import parse

LARGE = ("Z200", "D100", "S4xQ8", "A5xZ3", "F21xZ9", "Dic50", "Z2xZ2xZ2xZ2xZ12", "S3xS3xZ5")


def columns_are_orthogonal(table: CharacterTable) -> bool:
    """The column relations, exactly, in Z[x] / (x^e - 1) reduced by the cyclotomic polynomial."""
    m, n = table.eigenvalues.numpy(), table.group.exponent
    spectrum = np.fft.fft(m, axis=-1)
    products = np.einsum("rcf,rdf->cdf", spectrum, spectrum.conj())
    rounded = np.rint(np.fft.ifft(products, axis=-1).real).astype(np.int64) @ powers(n)
    wanted = np.zeros_like(rounded)
    sizes = np.array([len(members) for members in table.group.classes])
    wanted[..., 0] = np.diag(table.group.order // sizes)
    return bool(np.array_equal(rounded, wanted))


def check(name: str) -> dict[str, float | str | bool]:
    group = parse(name)
    start = time.perf_counter()
    table = character_table(group)
    seconds = time.perf_counter() - start
    squares = sum(d * d for d in table.dimensions) == group.order
    exact = squares and columns_are_orthogonal(table)
    return {"group": name, "order": group.order, "exact": exact, "seconds": round(seconds, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Exact character tables, timed.")
    parser.add_argument("--most-order", type=int, default=60)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows = [check(name) for name in (*named_groups(asked.most_order), *LARGE)]
    for row in rows[-len(LARGE) :]:
        print(row)
    exact = sum(bool(row["exact"]) for row in rows)
    slowest = max(rows, key=lambda row: float(row["seconds"]))
    print(f"{exact} of {len(rows)} exact; slowest {slowest}")
    if asked.json is not None:
        asked.json.write_text(json.dumps({"command": __doc__, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
