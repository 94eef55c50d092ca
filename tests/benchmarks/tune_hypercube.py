"""Eight settings of HyperCube on S4, as many trials as `tune_groups.py` gave the others.

    python tests/benchmarks/tune_hypercube.py docs/results/tuning_hypercube.json

The grid was written down before the first run; pilot seeds, shares and score are those of
`tune_groups.py`.
"""

import itertools
import json
import sys
from pathlib import Path

from tune_groups import ADAM, SHARES, run

STEPS = 600


def main(path: Path) -> None:
    rows = []
    for lr, epsilon, spread in itertools.product((0.01, 0.03), (0.03, 0.1), (0.5, 1.0)):
        optimizer = {**ADAM, "lr": lr, "betas": [0.9, 0.99]}
        trial = ("hypercube", {"epsilon": epsilon, "spread": spread}, optimizer, STEPS)
        results = [run(trial, share) for share in SHARES]
        accuracies = [a for result in results for a in result["accuracy"]]
        losses = [v for result in results for v in result["loss"]]
        rows.append(
            {
                "architecture": trial[0],
                "model": trial[1],
                "optimizer": optimizer,
                "steps": STEPS,
                "score": sum(accuracies) / len(accuracies),
                "loss": sum(losses) / len(losses),
                "results": results,
            }
        )
        print(f"{rows[-1]['score']:.4f} {rows[-1]['loss']:.4g} {trial}", flush=True)
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    best = max(rows, key=lambda r: (r["score"], -r["loss"]))
    print(f"best: {best['model']} {best['optimizer']}, score {best['score']:.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
