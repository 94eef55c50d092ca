"""The real form with the determinants that the shown products settle, and without them."""

import pytest
import torch

from interpretable_arch.maths.groups.finite_groups import parse
from interpretable_arch.models.group_orthogonal import GroupOrthogonal, GroupOrthogonalConfig
from training.data import build_task
from training.data.task import Split

NEEDY = ("S3", "D5", "Z12")  # a cyclic Sylow 2-subgroup that is not trivial


def trained(name: str, share: float, determinants: tuple[int, ...] | None) -> GroupOrthogonal:
    task = build_task("groups", {"group": name, "share": share})
    shown = task.train
    assert isinstance(shown, Split)
    model = GroupOrthogonal(GroupOrthogonalConfig(task.outputs, determinants=determinants)).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03, betas=(0.9, 0.99))
    for step in range(300):
        optimizer.param_groups[0]["lr"] = 0.03 * min(1.0, 2 - step / 150 + 1e-3)
        optimizer.zero_grad()
        model.loss(shown.inputs, shown.targets).backward()
        optimizer.step()
        with torch.no_grad():
            model.tokens.copy_(model.constrain({"tokens": model.tokens})["tokens"])
    return model


def right(model: GroupOrthogonal, name: str) -> float:
    table = parse(name).table
    pairs = torch.cartesian_prod(torch.arange(len(table)), torch.arange(len(table)))
    return float((model(pairs).argmax(-1) == table.flatten()).double().mean())


def settled(name: str, share: float) -> tuple[int, ...]:
    return build_task("groups", {"group": name, "share": share}).dimensions["determinants"]


@pytest.mark.parametrize("name", NEEDY)
def test_with_the_determinants_of_the_shown_products_the_optimum_is_reached(float64, name):
    share = 0.75 if name != "Z12" else 0.4
    torch.manual_seed(0)
    model = trained(name, share, settled(name, share))
    assert right(model, name) == 1.0
    assert model.certificate().holds, model.certificate().failed
    signs = torch.tensor(settled(name, share), dtype=torch.float64)
    torch.testing.assert_close(torch.linalg.det(model.tokens), signs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", NEEDY)
@pytest.mark.parametrize("seed", [0, 1])
def test_trap_with_all_determinants_one_the_optimum_is_out_of_reach(float64, name, seed):
    torch.manual_seed(seed)
    model = trained(name, 0.75 if name != "Z12" else 0.4, None)
    assert not model.certificate().holds


def test_the_start_has_the_determinants_asked_for(float64):
    torch.manual_seed(0)
    model = GroupOrthogonal(GroupOrthogonalConfig(order=3, d=4, determinants=(1, -1, 1))).double()
    torch.testing.assert_close(torch.linalg.det(model.tokens), torch.tensor([1.0, -1.0, 1.0]))


@pytest.mark.parametrize("wrong", [(1, 1), (1, 1, 2), (1, 0, -1), (1, 1, 1, 1)])
def test_determinants_that_are_none_are_refused(wrong):
    with pytest.raises(ValueError, match="determinants: wanted 3 numbers"):
        GroupOrthogonalConfig(order=3, determinants=wrong)


def test_left_out_the_start_is_what_it_was():
    models = []
    for signs in (None, (1,) * 5):
        torch.manual_seed(3)
        models.append(GroupOrthogonal(GroupOrthogonalConfig(order=5, determinants=signs)))
    torch.testing.assert_close(models[0].tokens, models[1].tokens, rtol=0, atol=0)
    torch.testing.assert_close(torch.linalg.det(models[0].tokens), torch.ones(5))
