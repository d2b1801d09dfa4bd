"""Where tracefs is, and what a user is told who may not use it."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import MdevviewError, PermissionDenied
from app.host.paths import Paths
from app.tracing.tracefs import _mount_points, check_pid_namespace, find_tracefs, refused


def _paths(folder: Path, mounts: str) -> Paths:
    (folder / "self").mkdir()
    (folder / "self/mounts").write_text(mounts)
    return Paths(proc=folder)


def test_the_usual_place_is_preferred(tmp_path: Path) -> None:
    mounts = "proc /proc proc rw 0 0\ntracefs /a\\040b tracefs rw 0 0\nnone /sys/kernel/tracing tracefs rw 0 0\n"
    assert find_tracefs(_paths(tmp_path, mounts)) == Path("/sys/kernel/tracing")


def test_another_place_may_have_blanks(tmp_path: Path) -> None:
    assert find_tracefs(_paths(tmp_path, "tracefs /a\\040b\\134 tracefs rw 0 0\n")) == Path("/a b\\")


def test_without_a_mount_the_command_is_told(tmp_path: Path) -> None:
    with pytest.raises(MdevviewError, match="sudo mount -t tracefs nodev /sys/kernel/tracing"):
        find_tracefs(_paths(tmp_path, "tracefs /proc proc rw 0 0\n"))


def test_a_container_with_its_own_pids_is_refused(tmp_path: Path) -> None:
    (tmp_path / "self/ns").mkdir(parents=True)
    (tmp_path / "self/ns/pid").touch()
    with pytest.raises(MdevviewError, match="container"):
        check_pid_namespace(Paths(proc=tmp_path))


def test_missing_rights_have_their_status_and_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    error = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    told = refused("no instance", error)
    assert isinstance(told, PermissionDenied) and told.exit_status == 4
    assert "EACCES" in str(told) and "sudo" in str(told)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "lockdown" in str(refused("no instance", error))
    assert refused("no instance", OSError(errno.ENOSPC, "full")).exit_status == 1


@given(st.binary())
def test_any_mounts_are_read(mounts: bytes) -> None:
    assert all(isinstance(each, Path) for each in _mount_points(mounts))
