"""Ridge and length of the quadratic form on digits, by cross-validation in the training part only.

Within the training part of split 0, five folds choose by the rule of one standard error (Breiman et
al. 1984): of all pairs within one standard error of the most accurate, the strongest ridge. The
pair stands in configs/digits_quadratic.yaml. It is then fitted on the training parts of ten splits
(split_seed 0 to 9), and each held-out part is looked at once. Only split 0's is untouched by the
choice: its two numbers have seen pictures that other splits hold out. `--nested` chooses anew in
each split. `--pair` skips the choice.

    python tests/benchmarks/choose_ridge.py [--nested | --pair 2 4.8e-5] [--json FILE]
"""

import argparse
import json
import time
from pathlib import Path

import torch
from torch import Tensor

from interpretable_arch.maths.form_classes import fit_forms
from interpretable_arch.maths.symmetric_forms import values
from interpretable_arch.models.quadratic_form import QuadraticForm, QuadraticFormConfig
from training.data.images import images
from training.data.task import Split, Task

LENGTHS = (1.0, 2.0, 4.0)
RIDGES = (1.6e-3, 1.6e-4, 4.8e-5, 1.6e-5, 1.6e-6)  # falling: each start is the last one's end
FOLDS, LEVEL = 5, 1e-6
Pair = tuple[float, float]


def parts(split_seed: int) -> tuple[Split, Split]:
    task: Task = images(split_seed=split_seed)
    assert isinstance(task.train, Split)
    assert isinstance(task.held_out, Split)
    return task.train, task.held_out


def scaled(x: Tensor, by: Tensor, length: float) -> Tensor:
    """What the model makes of features: centred, of one length, a 1 in front."""
    middle = by.mean(0)
    size = (by - middle).square().sum(1).mean().sqrt() / length
    return torch.cat([torch.ones(len(x), 1), (x - middle) / size], 1)


def cross_validated(train: Split) -> dict[Pair, float]:
    """(length, ridge) -> accuracy on the folds kept aside."""
    fold = torch.randperm(len(train), generator=torch.Generator().manual_seed(7)) % FOLDS
    right: dict[Pair, int] = {}
    for length in LENGTHS:
        for k in range(FOLDS):
            inside, aside = fold != k, fold == k
            x = scaled(train.inputs[inside], train.inputs[inside], length)
            unseen = scaled(train.inputs[aside], train.inputs[inside], length)
            M = torch.zeros(10, x.shape[1], x.shape[1])
            for l2 in RIDGES:
                M = fit_forms(x, train.targets[inside], M, l2, LEVEL).matrices
                hits = int((values(unseen, M).argmax(1) == train.targets[aside]).sum())
                right[length, l2] = right.get((length, l2), 0) + hits
    return {pair: hits / len(train) for pair, hits in right.items()}


def chosen(accuracy: dict[Pair, float], count: int) -> Pair:
    """The strongest ridge within one standard error; among equal ridges the most accurate."""
    best = max(accuracy.values())
    enough = best - (best * (1 - best) / count) ** 0.5
    near = [pair for pair, a in accuracy.items() if a >= enough]
    return max(near, key=lambda pair: (pair[1], accuracy[pair]))


@torch.no_grad()
def held_out(split_seed: int, pair: Pair) -> float:
    """Accuracy of the model itself, fitted on the training part, on the held-out part."""
    train, test = parts(split_seed)
    torch.manual_seed(0)
    config = QuadraticFormConfig(train.inputs.shape[1], 10, l2=pair[1], length=pair[0])
    model = QuadraticForm(config)
    model.fit_data([(train.inputs, train.targets)])
    return float((model(test.inputs).argmax(-1) == test.targets).double().mean())


def choice(split_seed: int) -> Pair:
    train = parts(split_seed)[0]
    table = cross_validated(train)
    for (length, l2), accuracy in table.items():
        print(f"split {split_seed}, length {length:g}, l2 {l2:.2g}: {accuracy:.5f} by five folds")
    return chosen(table, len(train))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--nested", action="store_true")
    parser.add_argument("--pair", type=float, nargs=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_default_dtype(torch.float64)
    began, rows = time.process_time(), []
    pair = tuple(arguments.pair) if arguments.pair else choice(0)
    for seed in range(arguments.splits):
        if arguments.nested and seed:
            pair = choice(seed)
        accuracy = held_out(seed, pair)
        rows.append({"split": seed, "length": pair[0], "l2": pair[1], "accuracy": accuracy})
        said = f"length {pair[0]:g}, l2 {pair[1]:.2g}, held out {accuracy:.4f}"
        print(f"split {seed}: {said}", flush=True)
    mean = sum(row["accuracy"] for row in rows) / len(rows)
    spent = time.process_time() - began
    print(f"mean over {len(rows)} splits: {mean:.4f}; {spent:.0f} CPU-seconds")
    if arguments.json:
        found = {"nested": arguments.nested, "splits": rows, "mean": mean, "seconds": spent}
        arguments.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
