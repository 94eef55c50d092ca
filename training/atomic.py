"""Files and folders that are either whole or absent: temporary name, fsync, rename.

A process killed at any moment leaves the old content, the new content, or a `.tmp-` entry that
`remove_leftovers` takes away later. A full disk is one clear error that leaves nothing partial.
"""

import errno
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = ".tmp-"
_FOREIGN_LEFTOVER_SECONDS = 3600.0


class DiskFullError(OSError):
    """The disk has no space left; nothing partial was kept."""


def write_file(path: Path, content: bytes) -> None:
    """Replace `path` by `content` in one step. Raises DiskFullError when the disk is full."""
    temporary = _temporary_beside(path)
    try:
        with _disk_full_is_clear(path):
            _write_through(temporary, content)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[dict[str, bytes]]:
    """Collect a folder's files by name in the yielded dict, then create the folder in one step.

    Raises FileExistsError if `path` exists, DiskFullError when the disk is full.
    """
    files: dict[str, bytes] = {}
    yield files
    if path.exists():
        raise FileExistsError(errno.EEXIST, f"{path} exists already and is left as it is")
    temporary = _temporary_beside(path)
    try:
        with _disk_full_is_clear(path):
            temporary.mkdir(parents=True)
            for name, content in files.items():
                _write_through(temporary / name, content)
            _sync_folder(temporary)
        _rename_to_new(temporary, path)
        _sync_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _rename_to_new(temporary: Path, path: Path) -> None:
    try:
        os.rename(temporary, path)
    except OSError as error:  # another process was first: systems differ in what they call it
        if path.exists():
            raise FileExistsError(errno.EEXIST, f"{path} was made by another process") from error
        raise


def remove_leftovers(folder: Path) -> None:
    """Take away what killed processes left in `folder`; a living writer's files are not touched."""
    for entry in folder.glob(f"{_PREFIX}*"):
        if _is_abandoned(entry):
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink()


def _temporary_beside(path: Path) -> Path:
    owner = f"{socket.gethostname()}+{os.getpid()}+{uuid.uuid4().hex[:8]}"
    return path.parent / f"{_PREFIX}{owner}"


def _is_abandoned(entry: Path) -> bool:
    host, process, _ = entry.name.removeprefix(_PREFIX).split("+")
    if host != socket.gethostname():  # another machine's process can't be asked: go by age
        return time.time() - entry.stat().st_mtime > _FOREIGN_LEFTOVER_SECONDS
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return int(process) == os.getpid()


def _write_through(path: Path, content: bytes) -> None:
    with open(path, "xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows can't open a folder to flush it
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _disk_full_is_clear(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        message = f"no space left on the disk while writing {path}: free some space and start again"
        raise DiskFullError(errno.ENOSPC, f"{message}; finished runs are whole") from error
