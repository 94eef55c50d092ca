"""Superposition: more planted directions than dimensions, few of them active in each example.

    x = sum over the active i of a_i f_i + noise,   f_i unit vectors,   a_i even on [0.5, 1.5]

Every `active`-subset of the directions is as likely as any other (Elhage et al. 2022,
arXiv 2209.10652; planted for dictionary learning in Sharkey et al. 2022). The answer to an example
is the example itself, without the noise.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from training.data.task import Split, Task

LEAST, MOST = 0.5, 1.5  # of a magnitude


@dataclass(frozen=True, eq=False)
class Superposition(Split):
    """Examples [example, d_in] with themselves as targets; the planted unit `directions`."""

    directions: Float[Tensor, "direction d_in"]

    def to(self, device: torch.device | str) -> "Superposition":
        """The same examples on `device`."""
        return replace(self, inputs=self.inputs.to(device), targets=self.targets.to(device))


def superposition(
    d_in: int = 16,
    directions: int = 32,
    active: int = 3,
    examples: int = 20_000,
    held_out: int = 4096,
    noise: float = 0.0,
    data_seed: int = 0,
) -> Task:
    """Examples of `active` out of `directions` random unit vectors of `d_in` numbers.

    `noise` is its standard deviation in each coordinate. Raises ValueError for sizes below 1, more
    active directions than there are, negative noise and a negative seed.
    """
    for name, got in (
        ("d_in", d_in),
        ("directions", directions),
        ("examples", examples),
        ("held_out", held_out),
    ):
        if got < 1:
            raise ValueError(f"{name}: wants 1 or more, got {got}")
    if not 1 <= active <= directions:
        raise ValueError(f"active: wants 1 to directions = {directions}, got {active}")
    if not 0 <= noise < float("inf"):
        raise ValueError(f"noise: wants 0 or more, got {noise}")
    if data_seed < 0:
        raise ValueError(f"data_seed: wants 0 or more, got {data_seed}")
    generator = torch.Generator().manual_seed(data_seed)
    planted = torch.randn(directions, d_in, generator=generator, dtype=torch.float64)
    planted = F.normalize(planted, dim=-1)
    said = f", noise {noise:g}" if noise else ""
    return Task(
        name=f"{active} of {directions} planted directions in {d_in} dimensions{said}",
        train=_examples(planted, active, examples, noise, generator),
        held_out=_examples(planted, active, held_out, noise, generator),
        outputs=d_in,
        labels=tuple(f"coordinate {i}" for i in range(d_in)),
        dimensions={"d_in": d_in, "features": d_in, "outputs": d_in},
        unit="mean squared error",
    )


def _examples(
    planted: Float[Tensor, "direction d_in"],
    active: int,
    count: int,
    noise: float,
    generator: torch.Generator,
) -> Superposition:
    """`count` examples, the active directions drawn without replacement."""
    drawn = torch.rand(count, len(planted), generator=generator)
    chosen = torch.zeros_like(drawn).scatter(1, drawn.topk(active, 1).indices, 1.0)
    sizes = LEAST + (MOST - LEAST) * torch.rand(count, len(planted), generator=generator)
    clean = (chosen * sizes).double() @ planted
    blur = torch.randn(count, planted.shape[1], generator=generator, dtype=torch.float64)
    return Superposition(clean + noise * blur, clean, planted)
