"""How much the output moves when state comes from another input: one case by hand."""

import torch
from torch import Tensor, nn

from interpretable_arch.hooks import HookPoint, state_share


class Sum(nn.Module):
    """f(x) = x + state(x), with state 2x."""

    def __init__(self) -> None:
        super().__init__()
        self.hook_state, self.hook_idle = HookPoint(), HookPoint()

    def forward(self, x: Tensor) -> Tensor:
        self.hook_idle(x)
        return x + self.hook_state(2 * x)


def test_state_share_by_hand():
    # f = (0, 3), spread 1.5^2 = 2.25; with the other's state f = (0 + 2, 1 + 0), moved by
    # (2, -2), mean square 4.
    share = state_share(Sum(), torch.tensor([[0.0], [1.0]]), ["hook_state"])
    assert abs(share - 4 / 2.25) < 1e-6


def test_state_that_is_not_used_has_no_share():
    assert state_share(Sum(), torch.tensor([[0.0], [1.0]]), ["hook_idle"]) == 0.0
