"""Distances as a task: known spaces, files, noise, splits, and what is refused."""

import inspect

import numpy as np
import pytest
import torch

from training.data import build_task
from training.data.distances import distances, noisy, triangles
from training.data.metric_spaces import grid, read, tree


def test_a_tree_of_seven_by_hand():
    found = tree(2, 2)
    assert found.edges == ((0, 1), (0, 2), (1, 3), (1, 4), (2, 5), (2, 6))
    assert found.distances[3].tolist() == [2, 1, 3, 0, 2, 4, 4]


def test_the_two_metrics_of_a_grid():
    assert float(grid(2, 2, "euclidean").distances[0, 3]) == pytest.approx(2**0.5)
    assert float(grid(2, 2, "city_block").distances[0, 3]) == 2


@pytest.mark.parametrize("source", ["tree", "cycle", "grid", "torus", "sphere"])
def test_every_pair_is_shown_once(source):
    task = build_task("distances", {"source": source})
    points = task.dimensions["points"]
    assert len(task.train) == points * (points - 1) // 2
    i, j = task.train.inputs.T
    assert bool((i < j).all())
    torch.testing.assert_close(task.train.targets[:, 0], task.distances[i, j])
    assert task.triangles.count == 0


def test_a_share_holds_the_other_pairs_out():
    task = build_task("distances", {"source": "cycle", "size": 10, "share": 0.6})
    assert (len(task.train), len(task.held_out)) == (27, 18)
    both = torch.cat([task.train.inputs, task.held_out.inputs])
    assert len({tuple(p) for p in both.tolist()}) == 45


def test_noise_is_the_same_both_ways_and_of_its_size():
    table = grid(6, 6, "euclidean").distances
    found = noisy(table, 0.02, seed=1)
    torch.testing.assert_close(found, found.T)
    ratio = (found / table)[table > 0] - 1
    assert 0.017 < float(ratio.std()) < 0.023
    assert torch.equal(found, noisy(table, 0.02, seed=1))


def test_noise_never_turns_a_distance_over():
    """Draws beyond three standard deviations are among 10^4; those within stay what they were."""
    table = grid(10, 10, "euclidean").distances
    i, j = torch.triu_indices(100, 100, 1)
    for seed in range(6):
        found = noisy(table, 0.29, seed)
        assert float((found / table)[i, j].min()) > 0.09
        plain = torch.from_numpy(np.random.default_rng((seed, 2)).normal(size=(100, 100)))
        usual = plain[i, j].abs() < 3
        assert not bool(usual.all())
        expected = table[i, j] * (1 + 0.29 * plain[i, j])
        assert torch.equal(found[i, j][usual], expected[usual])


BROKEN = "0,1,5\n1,0,1\n5,1,0\n"


def write(folder, text: str) -> str:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_broken_triangles_are_counted_or_refused_with_the_worst(tmp_path):
    path = write(tmp_path, BROKEN)
    task = build_task("distances", {"source": "file", "path": path})
    assert task.triangles.count == 1
    assert task.triangles.worst == (0, 1, 2)
    assert task.triangles.excess == pytest.approx(1.5)
    with pytest.raises(ValueError, match=r"got 1; the worst is 0 to 2, 2.5 times the way over 1"):
        build_task("distances", {"source": "file", "path": path, "triangle": "refuse"})


def test_triangles_against_a_slow_count():
    table = noisy(grid(4, 4, "euclidean").distances, 0.1, seed=0)
    n = len(table)
    slow = sum(
        float(table[i, j]) > float(table[i, k] + table[k, j]) + 1e-9 * float(table.max())
        for i in range(n)
        for j in range(i + 1, n)
        for k in range(n)
        if k not in (i, j)
    )
    assert triangles(table).count == slow > 0


def test_edges_of_a_file_are_followed(tmp_path):
    found = read(write(tmp_path, "a,b,1\nb,c,2\na,c,10\n"))
    assert found.names == ("a", "b", "c")
    assert float(found.distances[0, 2]) == 3


@pytest.mark.parametrize(
    ("text", "names", "farthest"),
    [
        ("1,2\n2,3\n", ("1", "2", "3"), 2),
        ("1,2,5\n2,3,5\n1,3,4\n", ("1", "2", "3"), 5),
        ("0,1,5\n1,2,5\n2,3,5\n", ("0", "1", "2", "3"), 15),
        ("0,1\n1,0\n", ("0", "1"), 1),
        ("0,2,1\n2,0,3\n1,3,0\n", ("0", "1", "2"), 3),
        ("a,b,1\nb,a,1\nb,c,1\n", ("a", "b", "c"), 2),
    ],
)
def test_numbers_are_a_table_only_where_the_diagonal_is_0(tmp_path, text, names, farthest):
    found = read(write(tmp_path, text))
    assert found.names == names
    assert float(found.distances.max()) == farthest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,1,2\n1,0,1\n3,1,0\n", r"symmetric table, got 2 at 0, 2 and 3 at 2, 0"),
        ("0,1,2\n1,0,-1\n2,-1,0\n", r"0 or more, got -1 at 1, 2"),
        ("0,1,2\n1,1,1\n2,1,0\n", r"0 on the diagonal, got 1 at 1, 1"),
        ("0,1,nan\n1,0,1\nnan,1,0\n", r"finite numbers, got nan at 0, 2"),
        ("0,1,0\n1,0,1\n0,1,0\n", r"more than 0 between two points, got 0 at 0, 2"),
        ("a,b\nc,d\n", r"no way from a to c"),
        ("a,b,x\n", r"a length above 0, got \['a', 'b', 'x'\] in row 1"),
        ("a\nb\n", r"a square table of numbers, or rows of 2 or 3"),
        ("", "wanted rows, got none"),
        ("0,1,2\n1,0,1\n2,1,5\n", "0 on the diagonal, got 5 at 2, 2"),
        ("a,b,inf\nb,c,1\n", "a length above 0"),
        ("a,b,nan\nb,c,1\n", "a length above 0"),
        (",b\nb,c\n", "two names"),
        ("a,b,1\nb,a,9\nb,c,1\n", "one length for b and a, got 1 and 9 in row 2"),
        ("0\n", "points: wanted 2 or more, got 1"),
    ],
)
def test_what_is_no_table_of_distances_is_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        build_task("distances", {"source": "file", "path": write(tmp_path, text)})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"source": "cycle", "size": 2}, "size: wants 3 or more, got 2"),
        ({"noise": 0.5}, "noise: wants"),
        ({"source": "file"}, "path: wants a file"),
        ({"source": "file", "path": "no/such.csv"}, "path: wanted a file, got no/such.csv"),
        ({"source": "spiral"}, "source"),
        ({"share": 0.0}, "share"),
    ],
)
def test_arguments_out_of_range_are_named(given, message):
    with pytest.raises(ValueError, match=message):
        build_task("distances", given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"source": "spher"}, "source: unknown 'spher'; did you mean 'sphere'"),
        ({"triangle": "refuze"}, "triangle: unknown 'refuze'; did you mean 'refuse'"),
        ({"source": "grid", "metric": "euclid"}, "metric: unknown 'euclid'; did you mean"),
    ],
)
def test_names_that_are_none_are_refused_without_the_task_registry(given, message):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(distances)(**given)  # as without the type checks of tests
