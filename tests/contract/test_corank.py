"""The declared continuous symmetry is all of it: its dimension is the corank of the Jacobian."""

from registered_examples import call, cases, example, inputs

from interpretable_arch.laws import flat_directions


def corank(name: str, which: str, seed: int) -> int:
    """Flat directions at a random point, seen on inputs enough to tell parameters apart."""
    model = example(name, which, seed).eval()
    values = {n: p.detach() for n, p in model.named_parameters()}
    size = sum(v.numel() for v in values.values())
    count = 40 + 3 * size // call(model, values, inputs(model, 1)).numel()
    return flat_directions(model, inputs(model, count))


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
