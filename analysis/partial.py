"""An early answer of a study that is still training, from the seeds that are on disk already."""

from collections.abc import Callable

import torch

from analysis.stability.choices import as_choices
from analysis.stability.sites import PIECE
from analysis.stability.summary import stability
from training.data.task import Task
from training.experiment import Experiment
from training.runs import Run, run_model
from training.seeds import independent_places

LEAST = 3  # seeds, below which no interval over pairs can be given


def partial_answer(
    experiment: Experiment, task: Task, threshold: float, say: Callable[[str], None]
) -> Callable[[tuple[Run, ...]], None]:
    """What `fit` calls with the runs there are: says how much those differ, by their outputs.

    Silent below three finished seeds, and when all are there, for then the whole answer comes.
    """

    def answer(runs: tuple[Run, ...]) -> None:
        finished = [run for run in runs if run.status == "finished"]
        finished = [finished[place] for place in independent_places([r.seed for r in finished])]
        if len(finished) < LEAST or len(runs) == len(experiment.seeds):
            return
        inputs, targets = task.probe.inputs, task.probe.targets
        outputs = []
        with torch.no_grad():
            for run in finished:
                model = run_model(run, task)
                rows = torch.cat([model(piece) for piece in inputs.split(PIECE)])
                outputs.append(as_choices(rows, targets))
        asked = None if targets.is_floating_point() else targets.flatten()
        found = stability(torch.stack(outputs), targets=asked, threshold=threshold)
        assert found.disagreement is not None
        assert found.by_output is not None
        say(
            f"  so far, {len(runs)} of {len(experiment.seeds)} runs, {len(finished)} independent:"
            f" disagreement {found.disagreement.raw}; by output, {found.by_output.statement}"
        )

    return answer
