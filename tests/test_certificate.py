"""Certificates: what holds, what fails, and what proves nothing."""

import json
import math

import pytest

from interpretable_arch.certificate import Certificate, Condition


@pytest.mark.parametrize(
    ("value", "wants", "bound", "holds"),
    [
        (2.0, "above", 1.0, True),
        (1.0, "above", 1.0, False),
        (1.0, "below", 1.0, True),
        (1.1, "below", 1.0, False),
        (math.nan, "below", 1.0, False),
        (math.nan, "above", -math.inf, False),
    ],
)
def test_a_condition_holds_on_its_side_of_the_bound(value, wants, bound, holds):
    found = Condition("gap", value, wants, bound)
    assert found.holds == holds
    assert ("FAILS" in str(found)) != holds


def test_one_failed_condition_fails_the_whole_and_is_named():
    good, bad = Condition("gap", 1.0, "above", 0.0), Condition("norm of 2, 3", 1.0, "below", 0.0)
    found = Certificate("unique up to signs", (good, bad), {"curvature": 2.0})
    assert not found.holds
    assert found.failed == (bad,)
    assert Certificate("unique", (good,)).holds
    assert json.loads(json.dumps(found.to_mapping()))["holds"] is False


def test_without_conditions_nothing_is_proved():
    assert not Certificate("unique", ()).holds


def test_a_name_says_one_thing():
    gap = Condition("gap", 1.0, "above", 0.0)
    with pytest.raises(ValueError, match="names must differ"):
        Certificate("unique", (gap,), {"gap": 1.0})
