"""Additive models beside interpret's and scikit-learn's, on the same splits of one table.

    python tests/benchmarks/bench_additive.py --splits 20 --json FILE

Split s trains on three quarters of the breast cancer table's rows, drawn by split_seed s
(`training.data.tables`). Every method sees the training rows alone: the additive model chooses its
penalty on folds of them, logistic regression too (on standardised features, ten strengths), and the
others keep their defaults. AUROC and log loss are those of the held-out rows; differences are per
split, the interval is Student's at 95%, though splits share rows, so that it is too narrow if
anything.

The explainable boosting machine (Nori et al. 2019, arXiv 1909.09223) wants the package interpret:
pip install interpret-core. One fit is about a minute of one core. What `--keep` holds already is
not fitted again.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from analysis.reading.tables.discrimination import auroc
from interpretable_arch.models.additive import Additive, AdditiveConfig
from training.data.tables import tables
from training.data.task import Split

Scores = tuple[float, float, float]  # AUROC, log loss in nats, seconds of one core
Method = Callable[[Split, Tensor, int], np.ndarray]  # rows, others, seed -> probabilities


def additive(pairs: int) -> Method:
    def predict(train: Split, x: Tensor, seed: int) -> np.ndarray:
        torch.manual_seed(seed)
        model = Additive(AdditiveConfig(x.shape[1], 2, pairs=pairs)).double()
        model.fit_data([(train.inputs, train.targets)])
        with torch.no_grad():
            return model(x).softmax(1).numpy()

    return predict


def scikit(name: str) -> Method:
    def predict(train: Split, x: Tensor, seed: int) -> np.ndarray:
        from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        strengths = {"C": np.logspace(-4, 4, 10)}
        made = {
            "logistic regression": lambda: make_pipeline(
                StandardScaler(),
                GridSearchCV(LogisticRegression(max_iter=2000), strengths, scoring="neg_log_loss"),
            ),
            "gradient boosting": lambda: GradientBoostingClassifier(random_state=seed),
            "random forest": lambda: RandomForestClassifier(500, random_state=seed),
        }
        model = made[name]().fit(train.inputs.numpy(), train.targets.numpy())
        return model.predict_proba(x.numpy())

    return predict


def boosting_machine(train: Split, x: Tensor, seed: int) -> np.ndarray:
    from interpret.glassbox import (  # pyright: ignore[reportMissingImports]
        ExplainableBoostingClassifier,
    )

    model = ExplainableBoostingClassifier(n_jobs=1, random_state=seed)
    model.fit(train.inputs.numpy(), train.targets.numpy())
    return model.predict_proba(x.numpy())


EBM = "explainable boosting machine"
METHODS: Mapping[str, Method] = {
    "additive": additive(0),
    "additive, 10 pairs": additive(10),
    EBM: boosting_machine,
    "logistic regression": scikit("logistic regression"),
    "gradient boosting": scikit("gradient boosting"),
    "random forest": scikit("random forest"),
}


def scored(method: str, split: int) -> Scores:
    task = tables("breast_cancer", split_seed=split)
    assert isinstance(task.train, Split)
    assert isinstance(task.held_out, Split)
    begun = time.process_time()
    p = torch.from_numpy(METHODS[method](task.train, task.held_out.inputs, split)).double()
    seconds = time.process_time() - begun
    targets = task.held_out.targets
    log_p = p.clamp_min(1e-15).log()
    loss = -float(log_p.gather(1, targets[:, None]).mean())
    return auroc(log_p, targets), loss, seconds


def interval(differences: np.ndarray) -> tuple[float, float, float]:
    """Mean and 95% interval."""
    from scipy.stats import t

    mean, n = float(differences.mean()), len(differences)
    if n < 2:
        return mean, float("nan"), float("nan")
    half = float(t.ppf(0.975, n - 1)) * float(differences.std(ddof=1)) / n**0.5
    return mean, mean - half, mean + half


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--keep", type=Path, help="scores that are kept from run to run, as JSON")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    kept: dict[str, dict[str, Scores]] = {}
    if asked.keep is not None and asked.keep.exists():
        kept = json.loads(asked.keep.read_text(encoding="utf-8"))
    for split in range(asked.splits):
        for method in asked.methods:
            done = kept.setdefault(method, {})
            if str(split) in done:
                continue
            try:
                done[str(split)] = scored(method, split)
            except ImportError as error:
                wanted = "pip install interpret-core"
                raise SystemExit(f"{method}: wants a package ({error}); {wanted}") from error
            print(f"{split:3} {method:28} AUROC {done[str(split)][0]:.5f}", flush=True)
            if asked.keep is not None:
                asked.keep.write_text(json.dumps(kept), encoding="utf-8")
    report(kept, asked.json)


def report(kept: Mapping[str, Mapping[str, Scores]], path: Path | None) -> None:
    """Means over each method's splits, and differences from it over the splits of both."""
    found = {}
    for method, scores in kept.items():
        rows = np.array([s[:3] for s in scores.values()])
        mean = rows.mean(0)
        found[method] = {
            "splits": len(rows),
            "AUROC": mean[0],
            "log loss": mean[1],
            "seconds": mean[2],
        }
        said = f"AUROC {mean[0]:.4f}, log loss {mean[1]:.4f}, {mean[2]:.1f} s"
        print(f"{method:28} {len(rows)} splits, {said}")
        for own in ("additive", "additive, 10 pairs"):
            both = [s for s in kept.get(own, {}) if s in scores]
            if method == own or not both:
                continue
            apart = np.array([kept[own][s][0] - scores[s][0] for s in both])
            found[method][f"{own}: AUROC above it"] = interval(apart)
            print("   {}: AUROC above it {:+.4f} [{:+.4f}, {:+.4f}]".format(own, *interval(apart)))
    if path is not None:
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
