"""Features found across models: planted shares of universal, architectural and private ones."""

import pytest
import torch

from analysis.stability.universal_features import (
    LEAST_INPUTS,
    find_features,
    kind_shares,
)

KINDS = ("a",) * 4 + ("b",) * 4


def planted(noise: float, generator: torch.Generator) -> list[torch.Tensor]:
    """Of 20 features a model: 10 of all models, 6 of its architecture, 4 of its own."""

    def drawn(width: int) -> torch.Tensor:
        return torch.randn(600, width, generator=generator, dtype=torch.float64)

    shared, own = drawn(10), {kind: drawn(6) for kind in set(KINDS)}
    models = []
    for kind in KINDS:
        rows = torch.cat([shared, own[kind], drawn(4)], 1)[
            :, torch.randperm(20, generator=generator)
        ]
        models.append(rows + noise * drawn(20))
    return models


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_planted_shares_are_recovered(noise: float, generator: torch.Generator) -> None:
    shares = kind_shares(find_features(planted(noise, generator)), KINDS)
    for each in shares.values():
        assert [each[k].estimate for k in each] == pytest.approx([0.5, 0.3, 0.2])
    matrix = find_features(planted(noise, generator)).similarity()
    assert float(matrix[0, 1]) == pytest.approx(0.8)
    assert float(matrix[0, 5]) == pytest.approx(0.5)


def test_noise_is_not_found(generator: torch.Generator) -> None:
    models = [torch.randn(60, 500, generator=generator) for _ in range(2)]
    assert float(find_features(models).similarity()[0, 1]) < 0.01


def test_with_the_fewest_inputs_noise_is_hardly_ever_universal(
    generator: torch.Generator,
) -> None:
    """Of ten inputs a share .2 of noise would be: five on a half correlate by .7 by chance."""
    models = [torch.randn(LEAST_INPUTS, 300, generator=generator) for _ in range(4)]
    for each in kind_shares(find_features(models), ("a", "a", "b", "b")).values():
        assert each["universal"].estimate < 0.01
    with pytest.raises(ValueError, match="the same inputs of every model, 32 or more"):
        find_features([x[:31] for x in models])


def test_a_constant_feature_is_found_nowhere(generator: torch.Generator) -> None:
    rows = torch.randn(50, 3, generator=generator)
    rows[:, 1] = 2.0
    found = find_features([rows, rows]).found[0]
    assert found[:, 1].tolist() == [True, False, True]


def test_bad_input_is_refused(generator: torch.Generator) -> None:
    rows = torch.randn(50, 3, generator=generator)
    bad = rows.clone()
    bad[7, 0] = torch.nan
    with pytest.raises(ValueError, match="model 1 at input 7"):
        find_features([rows, bad])
    with pytest.raises(ValueError, match="the same inputs"):
        find_features([rows, rows[:20]])
    with pytest.raises(ValueError, match="tau"):
        find_features([rows, rows], 0.0)
    with pytest.raises(ValueError, match="two different ones"):
        kind_shares(find_features([rows, rows]), ("a", "a"))
