"""A child process: its environment and its signals."""

import errno
import os
import signal

import pytest

from app.errors import MdevviewError
from app.vm.child import Child

_PATIENCE_S = 60.0


def test_child_gets_the_environment_it_was_given() -> None:
    child = Child.start(["sh", "-c", 'test "$ONLY" = 1 && test -z "$QT_QPA_PLATFORM"'], (), {"ONLY": "1"})
    assert child.wait(_PATIENCE_S) == 0
    child.close()


def test_child_does_not_inherit_ignored_signals() -> None:
    child = Child.start(["sh", "-c", "kill -PIPE $$"])
    assert child.wait(_PATIENCE_S) == -signal.SIGPIPE
    child.send(signal.SIGTERM)
    child.close()
    assert child.fileno() == -1


def test_child_that_was_reaped_before_it_could_be_watched_is_not_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with SIGCHLD ignored: another process may have its pid by then."""
    killed: list[int] = []

    def reaped(pid: int) -> int:
        os.waitpid(pid, 0)
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))

    monkeypatch.setattr(os, "pidfd_open", reaped)
    monkeypatch.setattr(os, "kill", lambda pid, _number: killed.append(pid))
    with pytest.raises(MdevviewError, match="sh ended at once"):
        Child.start(["sh", "-c", "exit 3"])
    assert killed == []
