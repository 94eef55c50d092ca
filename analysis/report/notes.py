"""Method notes at the end of a page: what each number means, how far it can be trusted."""

from html import escape

from analysis.report.numerals import numeral, percent


def method_notes(threshold: float, solved_at: float, level: float = 0.95) -> str:
    """The definitions, with the thresholds of this report filled in."""
    entries = "".join(
        f"<dt>{escape(term)}</dt><dd>{escape(words)}</dd>"
        for term, words in _notes(threshold, solved_at, level)
    )
    return (
        '<section class="task" id="method"><h2>How the numbers are made</h2>'
        f'<dl class="notes">{entries}</dl></section>'
    )


def _notes(threshold: float, solved_at: float, level: float) -> tuple[tuple[str, str], ...]:
    return (
        (
            "Seeds",
            "Each architecture is trained once per seed; a seed sets the initial weights, the "
            "order of the data and the noise during training. A run that diverges is an "
            "outcome: it is counted, named, and never trained again in silence.",
        ),
        (
            "Solved",
            "A seed has solved the task when its accuracy on examples it was not trained on is "
            f"at least {percent(solved_at)}.",
        ),
        (
            "Inputs",
            "How much seeds differ is measured on held-out inputs only, the same for all seeds, "
            "trained and untrained; on inputs that were trained on, seeds agree because they "
            "were told the answers. The reading of a group uses its whole table.",
        ),
        (
            "Settings",
            "Where settings were tuned, those of every architecture, the baselines' and the "
            "others' alike, were chosen by the same held-out examples on which they are then "
            "compared: held-out numbers are those of the best settings tried.",
        ),
        (
            "Intervals",
            f"{level:.0%} intervals speak of new seeds on the same examples. They leave out one "
            "seed at a time (jackknife, Student's t with one degree of freedom fewer than "
            "seeds); pairs of seeds are dependent, and treating them as independent would give "
            "intervals that are far too narrow. Shares out of K seeds have Clopper-Pearson "
            "intervals.",
        ),
        (
            "Disagreement",
            "The share of held-out inputs on which two seeds give different answers, averaged "
            "over pairs of seeds. Seeds that err seldom can't differ often: beside it stand the "
            "mean error rate of the two, and the disagreement of errors that strike at random, "
            "all wrong answers alike likely.",
        ),
        (
            "Distance between seeds",
            "The root mean square, over the held-out inputs, of the square root of the "
            "Jensen-Shannon divergence of the two seeds' output distributions. It is a metric: "
            "0 when the outputs are equal.",
        ),
        (
            "Solution classes",
            "Seeds are clustered by complete linkage of that distance, cut at the threshold "
            f"{numeral(threshold)}, fixed before looking: within a class no two seeds are "
            "farther apart. Diverged seeds have no outputs to compare: they are left out, and "
            "counted as one class of their own beside. The chart of entropy against threshold "
            "shows what other thresholds would have said.",
        ),
        (
            "Two seeds agree",
            "The chance that two different seeds fall into one class, the sum of "
            "c(c-1)/(K(K-1)) over class sizes c: an unbiased estimate from K seeds. It is 1 "
            "when all seeds give the same answers.",
        ),
        (
            "Entropy, and what zero means",
            "How many bits it takes to say which class a seed fell into. Zero at K seeds is not "
            "proof of one solution: 20 of 20 alike bounds the share of the commonest class from "
            "below by 0.86 only, which still allows about 0.6 bit; 50 of 50 bounds it by 0.94. "
            "When fewer than half of the solutions are estimated to have been seen at all "
            "(Good-Turing coverage below 0.5), no number is given: the entry reads unresolved.",
        ),
        (
            "Interpretation classes",
            "The same count for what the model itself says it does: the label of its "
            "interpretation, for group tasks the set of irreducible representations in use. "
            "Where a label does not depend on the weights, all seeds would share it and nothing "
            "is counted; a seed that could not be read shares its story with no other.",
        ),
        (
            "The untrained null",
            "Untrained networks of the same architecture and seeds stand beside disagreement, "
            "distance and CKA, for they are often alike already: before training all answers "
            "are nearly equally likely, so distances are small though the answers differ.",
        ),
        (
            "CKA",
            "Debiased linear centred kernel alignment of internal representations, averaged "
            "over pairs of seeds: 1 when they are equal up to rotation and scale, about 0 for "
            "unrelated ones.",
        ),
        (
            "Exactness",
            "What the decomposition of an output into named parts promises: UNCONDITIONAL from "
            "the weights alone; GIVEN the named state (attention, routing, norm scales) held "
            "fixed; REMAINDER when an unread rest closes the sum; APPROXIMATE with its error. "
            "The error of the sum is measured on the trained models. The state share is the mean "
            "square change of the output when the state held fixed is another input's, over the "
            "output's variance: 0 when the state does not matter, about 2 when it alone decides.",
        ),
        (
            "Parts of matrix tokens",
            "The named parts are rows of the matrices in the model's own basis, and another "
            "basis would give other rows: the sum is exact in each. The reading groups them "
            "into irreducible representations, which depend on no basis.",
        ),
        (
            "Reading of a group",
            "The trained matrices of a seed are decomposed into irreducible representations; "
            "each block is compared with an exact representation through an intertwiner, whose "
            "residual is printed, and the exact matrices are multiplied out and checked against "
            "every product of the table.",
        ),
    )
