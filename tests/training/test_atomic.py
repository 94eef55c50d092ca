"""Whole or absent, whatever happens while writing."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from training.atomic import DiskFullError, new_folder, remove_leftovers, write_file


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_keeps_the_old_file_and_leaves_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_file(tmp_path / "a", b"old")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(DiskFullError, match=r"no space left .* while writing .*a: free"):
        write_file(tmp_path / "a", b"new")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


def test_a_full_disk_leaves_no_partial_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(DiskFullError), new_folder(tmp_path / "run") as files:
        files["a"] = b"1"
    assert not list(tmp_path.iterdir())


def test_an_error_before_writing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "run") as files:
        files["a"] = bytes(1 // 0)
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(FileExistsError), new_folder(tmp_path / "run"):
        pass
    assert not list((tmp_path / "run").iterdir())


def test_leftovers_of_a_killed_process_go_and_those_of_a_living_one_stay(tmp_path: Path) -> None:
    code = (
        "import os, signal, pathlib, training.atomic as a;"
        f"t = a._temporary_beside(pathlib.Path({str(tmp_path / 'x')!r}));"
        "t.mkdir(); (t / 'half').write_bytes(b'1'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False)
    host = os.uname().nodename
    living = tmp_path / f".tmp-{host}+{os.getppid()}+abc"
    living.write_bytes(b"")
    assert len(list(tmp_path.iterdir())) == 2
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [living]
