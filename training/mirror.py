"""A finished run's curves copied to a logger that people watch. The run folder stays the truth."""

from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

import pyarrow.csv

from training.experiment import ConfigError
from training.runs import Run

Logger = Literal["csv", "wandb", "wandb-online"]


def check_logger(logger: str | None) -> None:
    """ConfigError, naming the nearest, for an unknown logger or one that is not installed."""
    known = get_args(Logger)
    if logger is not None and logger not in known:
        near = get_close_matches(logger, known, 1, cutoff=0)[0]
        wanted = f"wants one of {', '.join(known)}, got {logger!r}"
        raise ConfigError("logger", f"{wanted}; the nearest is {near!r}")
    if logger not in (None, "csv") and find_spec("wandb") is None:
        raise ConfigError("logger", "wandb is not installed: pip install wandb")


def mirror(run: Run, folder: Path, logger: str | None) -> None:
    """Copy the metrics of `run` to `<folder>/csv/` or to one finished wandb run.

    wandb stays offline unless "wandb-online" is asked for. `logger` is one that `check_logger`
    lets through.
    """
    if logger == "csv":
        place = folder / "csv"
        place.mkdir(exist_ok=True)
        pyarrow.csv.write_csv(run.metrics, place / f"seed-{run.seed}.csv")
    elif logger is not None:
        _to_wandb(run, folder, online=logger == "wandb-online")


def _to_wandb(run: Run, folder: Path, online: bool) -> None:
    import wandb

    session = wandb.init(
        project=run.experiment.name,
        name=f"seed-{run.seed}",
        config={**run.experiment.to_mapping(), "seed": str(run.seed), "status": run.status},
        dir=folder,
        mode="online" if online else "offline",
        settings=wandb.Settings(silent=True, console="off"),
    )
    for row in run.metrics.to_pylist():
        session.log({k: v for k, v in row.items() if k != "step"}, step=row["step"])
    session.finish()
