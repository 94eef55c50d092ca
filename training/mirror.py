"""A finished run's curves copied to a logger that people watch. The run folder stays the truth."""

from pathlib import Path
from typing import Literal

import pyarrow.csv

from training.runs import Run


def mirror(run: Run, folder: Path, logger: Literal["csv", "wandb", "wandb-online"] | None) -> None:
    """Copy the metrics of `run` to `<folder>/csv/` or to one finished wandb run.

    wandb stays offline unless "wandb-online" is asked for. Raises ValueError, with what to
    install, if wandb is asked for and missing.
    """
    if logger == "csv":
        place = folder / "csv"
        place.mkdir(exist_ok=True)
        pyarrow.csv.write_csv(run.metrics, place / f"seed-{run.seed}.csv")
    elif logger is not None:
        _to_wandb(run, folder, online=logger == "wandb-online")


def _to_wandb(run: Run, folder: Path, online: bool) -> None:
    try:
        import wandb
    except ImportError as error:
        raise ValueError("logger: wandb is not installed: pip install wandb") from error
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
