"""A null for a study: its first seeds trained again on answers dealt anew, with the same budget.

What such runs agree on, any training of this architecture on such data agrees on. They are runs
like others, in a folder of their own beside those of the experiment, and are found again there.

All of them see one deal of the answers, that of `shuffle_seed` 0: their seeds differ in everything
else. An interval over them holds no variance of the deal, and speaks of training on this one.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from training.experiment import Experiment, Part
from training.fit import fit
from training.runs import Run
from training.seeds import distinct_seeds
from training.settings import at_least

_LONGEST = 190  # of a name, so that the suffix still fits


@dataclass(frozen=True, eq=False)
class ShuffledRuns:
    """The null's runs, diverged ones among them; `absent` says why there are none to use."""

    runs: tuple[Run, ...] = ()
    absent: str = ""


def shuffled_experiment(experiment: Experiment, seeds: int) -> Experiment:
    """The experiment that trains at most `seeds` of the seeds on the shuffled task.

    Of crossed seeds the first that share no stream. What is required of the model and read of it
    late is left out. Raises ConfigError for fewer than one seed.
    """
    at_least("seeds", seeds, 1)
    task = {"class_path": experiment.task.class_path, "init_args": experiment.task.init_args}
    return replace(
        experiment,
        name=f"{experiment.name[:_LONGEST]}-shuffled",
        task=Part("shuffled", {"task": task}),
        seeds=distinct_seeds(experiment.seeds, seeds),
        require=None,
        also_read=(),
        shuffled_seeds=0,
    )


def fit_shuffled(
    experiment: Experiment,
    root: Path | str,
    *,
    seeds: int | None = None,
    progress: bool = True,
) -> ShuffledRuns:
    """Train what is missing of `seeds` shuffled runs; None: as many as `shuffled_seeds` says.

    A null that can't be had must not cost the answer it belongs to: what the task or the model
    refuses, or fails at, is returned as `absent` in words. A full disk and Ctrl-C are raised.
    """
    count = experiment.shuffled_seeds if seeds is None else seeds
    at_least("seeds", count, 0)
    if count == 0:
        return ShuffledRuns(absent="not asked for: shuffled_seeds is 0")
    if experiment.combine is not None:
        kind = experiment.combine.class_path
        return ShuffledRuns(absent=f"not trained for runs made of several ({kind})")
    try:
        runs = fit(shuffled_experiment(experiment, count), root, progress=progress)
    except (ValueError, ArithmeticError, RuntimeError) as error:  # RuntimeError: torch's own
        return ShuffledRuns(absent=f"{type(error).__name__}: {' '.join(str(error).split())}")
    if all(run.status == "diverged" for run in runs):
        return ShuffledRuns(runs, f"all {len(runs)} diverged")
    return ShuffledRuns(runs)
