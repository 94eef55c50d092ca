"""The rows of the table and the sentences under it."""

from analysis.report.measures import measures_table
from analysis.report.words import in_words
from analysis.stability.estimates.intervals import clopper_pearson


def interval(estimate, low, high):
    return {"estimate": estimate, "low": low, "high": high}


def drawn(cell, make=measures_table):
    return make([{"unit": "nats", **cell}], {cell["architecture"]: "#000000"})


def test_the_share_that_solved_it_has_an_exact_interval(result):
    cell = result["cells"][2] | {"solved": 17}
    exact = clopper_pearson(17, 20)
    assert (round(exact.low, 3), round(exact.high, 3)) == (0.621, 0.968)
    assert "17 of 20<small>[62.1%, 96.8%]</small>" in drawn(cell)


def test_distances_stand_beside_the_untrained_and_the_error_rates(result):
    cell = result["cells"][1]
    cell["stability"]["disagreement"]["rungs"] = [
        {"name": "untrained", "null": interval(0.96, 0.95, 0.97), "above": None}
    ]
    cell["stability"]["divergence"]["rungs"] = [
        {"name": "untrained", "null": interval(0.077, 0.07, 0.08), "above": None}
    ]
    cell["stability"]["errors"] = {
        "error": interval(0.25, 0.2, 0.3),
        "independent": interval(0.4, 0.35, 0.45),
    }
    table = drawn(cell)
    assert "<small>untrained 96.0% [95.0%, 97.0%]</small>" in table
    assert "<small>untrained 0.077 [0.070, 0.080]</small>" in table
    assert "<small>mean error rate 25.0% [20.0%, 30.0%]</small>" in table
    assert "<small>independent errors would give 40.0% [35.0%, 45.0%]</small>" in table
    assert "held-out inputs with different answers" in table


def test_the_state_share_is_said_under_exactness(result):
    cell = result["cells"][1]
    assert "state share" not in drawn(cell)
    said = "state share 0.83 (output change when the state is another input&#x27;s)"
    assert said in drawn(cell | {"state_share": 0.83})
    assert "state share" not in drawn(cell | {"state_share": None})


def test_statements_are_folded_away_and_escaped(result):
    cell = result["cells"][0]
    assert drawn(cell, in_words) == ""
    cell["stability"] |= {
        "statements": ["two <b>seeds</b>."],
        "ensemble_information": interval(0.125, 0.1, 0.15),
        "biased_cka": interval(0.9, None, None),
    }
    made = drawn(cell, in_words)
    assert made.startswith("<details><summary>")
    assert "<li>Two &lt;b&gt;seeds&lt;/b&gt;.</li>" in made
    assert "H(mean p) − mean H(p): 0.125 nats [0.100, 0.150].</li>" in made
    assert "<li>CKA without debiasing: 0.900.</li>" in made
