"""What is set around a training and put back after it: precision, noise, messages, Ctrl-C."""

# pyright: reportAttributeAccessIssue=false
# (torch.utils.deterministic makes its attribute at run time)

import logging
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import torch
import torch.utils.deterministic


@contextmanager
def undisturbed(dtype: torch.dtype) -> Iterator[None]:
    """Set torch's precision and determinism for training; leave its global state as it was."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # exact resume on CUDA
    usual, filled = torch.get_default_dtype(), torch.utils.deterministic.fill_uninitialized_memory
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.set_default_dtype(dtype)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # costs time, changes nothing
    try:
        with torch.random.fork_rng():
            yield
    finally:
        torch.set_default_dtype(usual)
        torch.utils.deterministic.fill_uninitialized_memory = filled
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """No banners, tips or advice about options that are chosen here on purpose."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\.")
            # A slow operator under vmap is seen by timing the block sizes.
            warnings.filterwarnings("ignore", "There is a performance drop because we have not")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C waits for the end of an update, where the state is whole; a second one does not.

    Yields whether it was pressed. It stays a KeyboardInterrupt, at the latest on leaving: Lightning
    would exit and then ignore the key.
    """
    in_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    pressed = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    if in_main and handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, note)
    try:
        yield pressed.is_set
        if pressed.is_set():
            raise KeyboardInterrupt
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        if in_main:
            signal.signal(signal.SIGINT, handler)
