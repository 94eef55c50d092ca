"""k-means: planted groups, the law of Lloyd's fixed point, scikit-learn as reference."""

import pytest
import torch
from sklearn.cluster import KMeans

from interpretable_arch.maths.clusters import k_means


def groups(generator, distance=8.0):
    centres = distance * torch.eye(3, 5)
    return torch.cat([c + torch.randn(40, 5, generator=generator) for c in centres]), centres


def test_planted_groups_are_found(float64, generator):
    rows, _ = groups(generator)
    labels = k_means(rows, 3).labels.view(3, 40)
    assert all(len(row.unique()) == 1 for row in labels)
    assert len(labels[:, 0].unique()) == 3


def test_each_centre_is_the_mean_of_the_rows_nearest_to_it(float64, generator):
    rows = torch.randn(60, 3, generator=generator)
    found = k_means(rows, 4)
    torch.testing.assert_close(torch.cdist(rows, found.centres).argmin(1), found.labels)
    for i, centre in enumerate(found.centres):
        torch.testing.assert_close(centre, rows[found.labels == i].mean(0))


def test_inertia_is_no_worse_than_the_reference(float64, generator):
    rows = torch.randn(80, 4, generator=generator)
    reference = KMeans(3, n_init=10, random_state=0).fit(rows.numpy()).inertia_ / len(rows)
    assert k_means(rows, 3, starts=10).inertia <= 1.02 * reference


def test_by_hand():
    found = k_means(torch.tensor([[0.0], [2.0], [10.0], [12.0]]), 2)
    assert sorted(found.centres.flatten().tolist()) == [1.0, 11.0]
    assert found.inertia == pytest.approx(1.0)


def test_rows_all_alike_and_fewer_than_centres():
    assert k_means(torch.ones(5, 2), 2).inertia == 0
    assert k_means(torch.ones(1, 2), 3).centres.tolist() == [[1.0, 1.0]] * 3


@pytest.mark.parametrize(("rows", "k", "starts", "name"), [(0, 2, 1, "rows"), (3, 0, 1, "k")])
def test_what_cannot_be_clustered_is_refused(rows, k, starts, name):
    with pytest.raises(ValueError, match=f"{name}: wanted at least 1, got 0"):
        k_means(torch.zeros(rows, 2), k, starts)
