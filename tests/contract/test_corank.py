"""The declared continuous symmetry is all of it: its dimension is the corank of the Jacobian."""

from collections.abc import Callable

import torch
from registered_examples import call, cases, example, inputs

from interpretable_arch.layers.written_out import write_out

Values = dict[str, torch.Tensor]


def jacobian(function: Callable[[Values], torch.Tensor], values: Values) -> torch.Tensor:
    rows = torch.func.jacrev(function, chunk_size=256)(values)
    return torch.cat([r.flatten(1) for r in rows.values()], 1)


def rank(matrix: torch.Tensor) -> int:
    spectrum = torch.linalg.svdvals(matrix / matrix.norm(dim=0).clamp_min(1e-30))
    return int((spectrum > 1e-9 * spectrum[0]).sum())


def corank(name: str, which: str, seed: int) -> int:
    """Flat directions at a random point, among those that the model's constraint leaves."""
    model = example(name, which, seed).eval()
    write_out(model, True)
    values = {n: p.detach() for n, p in model.named_parameters()}
    size = sum(v.numel() for v in values.values())
    count = 40 + 3 * size // call(model, values, inputs(model, 1)).numel()
    x = inputs(model, count)
    # The derivative of the retraction is the projection on the tangent space.
    allowed = getattr(model, "constrain", dict)
    moved = jacobian(lambda v: torch.cat([p.flatten() for p in allowed(v).values()]), values)
    seen = jacobian(lambda v: call(model, allowed(v), x).flatten(), values)
    assert seen.shape[0] > size
    return rank(moved) - rank(seen)


@cases
def test_declared_dimension_is_the_corank_of_the_jacobian(float64, name, which):
    model = example(name, which)
    # A derivative sees no jump: while the same experts are called, more may be flat (see `mxd`).
    local = getattr(model, "flat_while_chosen", 0)
    declared = model.symmetry().continuous_dimension + local
    # ReLU gates and routers are shut for all inputs on open sets of parameters, where more
    # directions are flat; the symmetry of the whole function is the least corank.
    coranks = []
    for seed in range(12):
        coranks.append(corank(name, which, seed))
        if coranks[-1] <= declared:
            break
    assert min(coranks) == declared, coranks
