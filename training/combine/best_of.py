"""The member with the least training loss, unchanged. What is held out has no say in the choice."""

import math

from training.combine.members import Assignment, Combination
from training.runs import Run


class BestOf(Combination):
    """Diverged members are chosen only where there is no other; ties go to the first."""

    def combine(self, asked: Assignment) -> Run:
        return asked.run(min(asked.members, key=training_loss))


def training_loss(run: Run) -> float:
    """Training loss at the last evaluation; infinite for a run that diverged."""
    last = run.metrics.column("train_loss")[-1].as_py()
    return last if run.status == "finished" and math.isfinite(last) else math.inf
