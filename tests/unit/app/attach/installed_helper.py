"""Stands in for an installed helper, pkexec and sudo: scripts in the real ones' places."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from app.attach import helper_exchange
from app.attach.helper_fds import ReceivedFd
from app.attach.helper_installation import HelperInstallation, PasswordPrompts
from app.attach.helper_request import HelperRequest

_FAKE_HELPER = Path(__file__).parent / "programs/fake_helper.py"
IGNORES_SIGTERM = Path(__file__).parent / "programs/ignores_sigterm.py"
SEES_DIALOGS = PasswordPrompts(terminal=False, desktop=True)
SEES_PROMPTS = PasswordPrompts(terminal=True, desktop=False)
SEES_NOTHING = PasswordPrompts(terminal=False, desktop=False)

Make = Callable[..., HelperInstallation]


def maker(tmp_path: Path) -> Make:
    """Makes a host on which pkexec and sudo allow everything, and the helper is a script that fake_helper.py runs."""

    def setup(
        script: str = "",
        terminal: PasswordPrompts = SEES_DIALOGS,
        pkexec: str = 'exec "$@"',
        sudo: str = "",
        uid: int = 1000,
    ) -> HelperInstallation:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        helper, action = tmp_path / "mdevview-getfd", tmp_path / "action.policy"
        code = tmp_path / "script.py"
        code.write_text(script)
        # The real one clears the environment; options end at "--".
        sudo = sudo or 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'
        for file, text in (
            (helper, f'exec "{sys.executable}" -IS "{_FAKE_HELPER}" "{code}" "$@"'),
            (folder / "pkexec", pkexec),
            (folder / "sudo", sudo),
        ):
            file.write_text(f"#!/bin/sh\n{text}\n")
            file.chmod(0o755)
        action.touch()
        return HelperInstallation(helper, action, (folder,), os.getuid(), lambda: uid, lambda: terminal)

    return setup


def close_fds(received: list[ReceivedFd]) -> None:
    for each in received:
        os.close(each.fd)


def child_of(request: HelperRequest) -> subprocess.Popen[bytes]:
    child = request._child
    assert child is not None
    return child


def wait_for_end(child: subprocess.Popen[bytes]) -> None:
    """And have it reaped."""
    # cancel() sends two signals. If the child ends between them, the second one reaps it.
    with suppress(ChildProcessError):
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    helper_exchange.reap()
    assert not helper_exchange._unreaped
    assert not Path(f"/proc/{child.pid}").exists()
