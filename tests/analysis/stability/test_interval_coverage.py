"""A short run of benchmarks/interval_coverage.py: what covers, and what can't, stays so."""

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[2] / "benchmarks" / "interval_coverage.py"
SPEC = importlib.util.spec_from_file_location("interval_coverage", HERE)
assert SPEC is not None
assert SPEC.loader is not None
benchmark = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = benchmark
SPEC.loader.exec_module(benchmark)
BY_NAME = {
    "additive": benchmark.Population("additive", 0.6, benchmark.additive),
    "heavy": benchmark.Population("heavy tails", 0.6, benchmark.heavy),
    "outlying": benchmark.Population("outlying", 0.6, benchmark.outlying),
}


@pytest.mark.parametrize("seeds", [5, 10, 20])
@pytest.mark.parametrize("name", BY_NAME)
def test_seeds_that_differ_on_the_whole(name: str, seeds: int) -> None:
    """Standard error 1% of 500 draws; the benchmark's 4,000 give 94 to 98%."""
    assert 0.925 <= benchmark.coverage(BY_NAME[name], seeds, 500) <= 0.995


def test_independent_pairs_err_upwards() -> None:
    population = benchmark.Population("pairs", 0.6, benchmark.pairs_only)
    assert benchmark.coverage(population, 10, 300) >= 0.97


def test_a_rare_cluster_is_missed_by_all_seeds_at_once() -> None:
    """.9^5 = 59% of draws show one cluster alone: no interval of theirs can know of the other."""
    rare = benchmark.Population(
        "rare", benchmark.mean_of(benchmark.RARE), benchmark.clustered(benchmark.RARE)
    )
    assert benchmark.coverage(rare, 5, 300) < 0.7
