"""Named numbers over seeds: tables, kinds, agreement, spread and recurrence."""

import math

import pytest
import torch

from analysis.stability.interpretations.named_features import (
    agreement,
    correlation,
    feature_spreads,
    feature_table,
)
from interpretable_arch.interpretation import Feature, Interpretation


def says(**values: float) -> Interpretation:
    return Interpretation("", tuple(Feature(k.replace("_", "."), v, "") for k, v in values.items()))


def test_by_hand() -> None:
    table = feature_table(
        [says(neuron_0=3.0, neuron_1=1.0), says(neuron_0=3.0), says(neuron_0=6.0)]
    )
    assert table.names == ("neuron.0", "neuron.1")
    assert table.kinds() == {"neuron": [0, 1]}
    first, second = feature_spreads(table)
    assert (first.given, first.mean.estimate) == (3, 4.0)
    assert first.spread.estimate == pytest.approx(3**0.5 / 4)
    assert first.agreement.estimate == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    assert (second.given, second.recurrence.estimate) == (1, pytest.approx(1 / 3))
    assert math.isnan(second.agreement.estimate)


def test_agreement_is_one_for_equal_rows_and_zero_for_opposite() -> None:
    values = torch.tensor([[1.0, 2.0], [1.0, 2.0], [-1.0, -2.0], [0.0, 0.0], [0.0, 0.0]]).double()
    found = agreement(values)
    assert found[0].tolist() == pytest.approx([1.0, 1.0, 0.0, 0.0, 0.0])
    assert float(found[3, 4]) == 1.0
    assert bool(((found >= 0) & (found <= 1)).all())


def test_correlation_equals_torchs(generator: torch.Generator) -> None:
    values = torch.randn(4, 9, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(correlation(values), torch.corrcoef(values))


def test_equal_seeds_have_no_spread() -> None:
    found = feature_spreads(feature_table([says(gap=0.5)] * 4))[0]
    assert (found.spread.estimate, found.agreement.estimate) == (0.0, 1.0)
    assert found.recurrence.low > 0.4


def test_one_and_two_seeds_are_said_to_have_no_interval() -> None:
    one, two = (feature_spreads(feature_table([says(gap=0.5)] * n))[0] for n in (1, 2))
    assert not one.spread.defined
    assert not two.agreement.defined
    assert two.agreement.estimate == 1.0


def test_bad_values_say_where() -> None:
    with pytest.raises(ValueError, match=r"got nan, 'gap' of model 1"):
        feature_table([says(gap=1.0), says(gap=math.nan)])
    twice = Interpretation("", (Feature("a", 1.0, ""), Feature("a", 2.0, "")))
    with pytest.raises(ValueError, match="'a' of model 0 twice"):
        feature_table([twice])
    with pytest.raises(ValueError, match="constant ones from seeds"):
        correlation(torch.ones(2, 3, dtype=torch.float64))
    with pytest.raises(ValueError, match="three names or more"):
        correlation(torch.ones(2, 2, dtype=torch.float64))
