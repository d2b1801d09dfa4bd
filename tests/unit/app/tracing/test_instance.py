"""The instance's folder comes and goes. A plain folder has no kernel behind it; tests/lab has."""

import errno
import os
from pathlib import Path

import pytest

from app.errors import MdevviewError
from app.tracing.instance import TraceInstance, remove_left_instances


def _instances(tracefs: Path) -> list[str]:
    return sorted(each.name for each in (tracefs / "instances").iterdir())


@pytest.fixture
def tracefs(tmp_path: Path) -> Path:
    (tmp_path / "instances").mkdir()
    return tmp_path


def test_it_is_made_and_removed(tracefs: Path) -> None:
    instance = TraceInstance.create(tracefs)
    assert _instances(tracefs) == [instance.folder.name]
    assert instance.folder.name.startswith(f"mdevview-{os.getpid()}-")
    instance.close()
    instance.close()
    assert _instances(tracefs) == []


def test_what_dead_runs_left_is_removed_and_nothing_else(tracefs: Path) -> None:
    kept = ["mdevview-1-0123abcd", "mdevview-4194305", "somebody", f"mdevview-{os.getpid()}-0123abcd"]
    # PIDs are at most 2**22 (PID_MAX_LIMIT in include/linux/threads.h).
    for name in (*kept, "mdevview-4194305-0123abcd"):
        (tracefs / "instances" / name).mkdir()
    remove_left_instances(tracefs / "instances")
    assert _instances(tracefs) == sorted(kept)


def test_a_folder_in_use_is_left_to_the_guard(
    tracefs: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    instance = TraceInstance.create(tracefs)
    guard = instance._guard
    assert guard is not None

    def busy(_folder: Path) -> None:
        raise OSError(errno.EBUSY, "in use")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rmdir", busy)
        patch.setattr("app.tracing.instance._REMOVE_TRIES", 2)
        instance.close()
    assert "cannot be removed yet" in caplog.text
    caplog.clear()
    os.waitpid(guard.pid, 0)
    assert _instances(tracefs) == []


def test_a_refused_folder_leaves_no_guard(tmp_path: Path) -> None:
    with pytest.raises(MdevviewError, match="cannot be made"):
        TraceInstance.create(tmp_path / "missing")
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
