"""Asks root's helper through sudo at its terminal: ``ask_at_terminal.py FOLDER``, where a script stands for sudo.

With a second argument it asks as a viewer does that waits for a VM. Prints "asking", then the error or "interrupted".
"""

import os
import sys
import time
from pathlib import Path

from app.attach import helper_exchange
from app.attach.helper_fds import HelperMethod
from app.attach.helper_installation import HelperInstallation, PasswordPrompts
from app.attach.helper_request import HelperRequest, request_fds
from app.errors import MdevviewError
from app.open import waiter
from app.open.opening import OpenOptions
from app.open.session import Session
from app.open.target import Pid
from app.planes.status import Reason, Status

folder = Path(sys.argv[1])
helper_exchange._ANSWER_S = 0.5
installation = HelperInstallation(
    folder / "helper", folder / "action", (folder,), os.getuid(), lambda: 1000, lambda: PasswordPrompts(True, False)
)


def ask() -> None:
    request_fds(os.getpid(), None, HelperMethod.SUDO, installation)


def ask_while_waiting() -> None:
    """The VM is this process, whose fds the kernel is said to deny."""

    def denied(_target: object, _paths: object, options: OpenOptions) -> Session:
        assert options.request_fds is not None
        options.request_fds(os.getpid(), None)
        raise AssertionError("there is no helper")

    setattr(waiter, "open_target", denied)  # noqa: B010
    waiting = waiter.Waiter(
        Pid(os.getpid()), make_request=lambda pid, fd, _: HelperRequest(pid, fd, HelperMethod.SUDO, installation)
    )
    try:
        while True:
            status = waiting.poll()
            assert isinstance(status, Status)
            if status.reason is not Reason.ASKING_PERMISSION:
                print(status.detail, flush=True)
                return
            time.sleep(0.1)
    finally:
        waiting.close()


print("asking", flush=True)
try:
    ask_while_waiting() if sys.argv[2:] else ask()
except MdevviewError as error:
    print(error, flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
