"""A child process: its environment and its signals."""

import signal

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
