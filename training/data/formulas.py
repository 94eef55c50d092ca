"""Regression on a known formula: points drawn evenly from a box, float64, and what it gives there.

"hellokan", exp(sin(pi x) + y^2), is the worked example of Liu et al. 2024 (arXiv 2404.19756). The
formula itself is kept with the task as the truth that a symbolic reading is compared with.
"""

import ast
import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.interpretation import Formula
from training.data.task import Split, Task

FORMULAS: Mapping[str, str] = MappingProxyType(
    {
        "hellokan": "exp(sin(pi * x) + y**2)",
        "additive": "sin(2 * x) + y**2",
        "gaussian": "exp(-(x**2 + y**2))",
        "wave": "sin(pi * (x + y**2))",
        "product": "x * y",
    }
)
CONSTANTS: Mapping[str, float] = MappingProxyType({"pi": math.pi, "E": math.e})


def formulas(
    formula: str = "hellokan",
    examples: int = 1000,
    held_out: int = 1000,
    low: float = -1.0,
    high: float = 1.0,
    noise: float = 0.0,
    split_seed: int = 0,
) -> Task:
    """`examples` points in [low, high]^n to train on, `held_out` others to measure on.

    `formula` is a name in FORMULAS or an expression of one-letter variables. Gaussian `noise`, in
    units of the targets' standard deviation, is added to the training targets only. Raises
    ValueError for an expression that is not understood or is not finite somewhere in the box.
    """
    _check(examples, held_out, low, high, noise)
    expression = FORMULAS.get(formula, formula)
    names = variables(expression)
    generator = torch.Generator().manual_seed(split_seed)
    shape = (examples + held_out, len(names))
    inputs = low + (high - low) * torch.rand(shape, generator=generator, dtype=torch.float64)
    values = evaluate_formula(expression, inputs, names)
    if not bool(values.isfinite().all()):
        raise ValueError(f"formula: wants finite values on [{low}, {high}], got some that are not")
    blur = torch.randn(examples, 1, generator=generator, dtype=torch.float64)
    train = values[:examples] + noise * values.std() * blur
    return Task(
        name=f"{expression} on [{low:g}, {high:g}]" + (f", noise {noise:g}" if noise else ""),
        train=Split(inputs[:examples], train),
        held_out=Split(inputs[examples:], values[examples:]),
        outputs=1,
        labels=("value",),
        dimensions={"features": len(names), "outputs": 1},
        unit="mean squared error",
        truth=expression,
    )


def variables(expression: str) -> tuple[str, ...]:
    """The variables of a formula in alphabetical order, which is that of a task's inputs."""
    try:
        nodes = list(ast.walk(ast.parse(expression, mode="eval")))
    except SyntaxError as error:
        raise ValueError(f"formula: wants an expression, got {expression!r}") from error
    if any(isinstance(n, ast.Subscript) for n in nodes):
        raise ValueError(f"formula: wants no indexing, got {expression!r}")
    called = {id(n.func) for n in nodes if isinstance(n, ast.Call)}
    names = {n.id for n in nodes if isinstance(n, ast.Name) and id(n) not in called}
    found = tuple(sorted(names - set(CONSTANTS)))
    for name in found:
        if len(name) > 1:
            near = get_close_matches(name, FORMULAS, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"formula: wants one-letter variables, got {name!r}{hint}")
    if not found:
        raise ValueError(f"formula: wants at least one variable, got {expression!r}")
    return found


def evaluate_formula(
    expression: str, inputs: Float[Tensor, "example variable"], names: Sequence[str]
) -> Float[Tensor, "example 1"]:
    """The formula at points whose columns are called `names`, by the project's own evaluator."""
    if inputs.shape[1] != len(names):
        raise ValueError(f"inputs: wanted {len(names)} columns {names}, got {inputs.shape[1]}")
    formula = Formula("formula", expression, tuple(names), dict(CONSTANTS), "value", 0.0)
    columns = {n: inputs[:, i].numpy() for i, n in enumerate(names)}
    try:
        values = np.broadcast_to(formula.evaluate(**columns), len(inputs))
    except (ArithmeticError, IndexError, TypeError) as error:
        raise ValueError(f"formula: {expression!r} has no value ({error})") from error
    return torch.from_numpy(values.copy())[:, None].to(inputs.dtype)


def _check(examples: int, held_out: int, low: float, high: float, noise: float) -> None:
    for name, got in (("examples", examples), ("held_out", held_out)):
        if got < 1:
            raise ValueError(f"{name}: wants a whole number from 1 up, got {got}")
    if not low < high:
        raise ValueError(f"high: wants more than low = {low}, got {high}")
    if noise < 0:
        raise ValueError(f"noise: wants 0 or more, got {noise}")
