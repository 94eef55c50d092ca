"""Every public tensor's annotated shape is checked while the tests run."""

import os

# Threads that wait by spinning slow small models tenfold when a core is shared.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import pytest
import torch
from jaxtyping import install_import_hook

HOOK = install_import_hook(["interpretable_arch", "training", "analysis"], "beartype.beartype")


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def float64() -> object:
    """Run a test with float64 as the default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
