"""``mdevview ARGUMENTS`` without a window, in which one call at the end fails: ``python -m ... CALL ARGUMENTS``.

CALL is a name in ``ui.cli.run``, or "poll" for the VM's process. Restoring the terminal writes to the file "restored"
how many folders of the VM there still are.
"""

import sys
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

from app.errors import MdevviewError
from app.vm.started_vm import StartedVm
from ui.cli.main import main

call, *arguments = sys.argv[1:]


def fail(*_arguments: object) -> None:
    raise OSError(24, "Too many open files")


class Terminal:
    def restore(self) -> None:
        Path("restored").write_text(str(len(list(Path("runtime").iterdir()))))


def opened(running: StartedVm, *_arguments: object) -> None:
    Path("pid").write_text(str(running.child.pid))
    if call == "poll":
        vars(running.child)["poll"] = fail
    raise MdevviewError("no device")


with ExitStack() as patches:
    patches.enter_context(patch("ui.window.application.make_application", lambda: None))
    patches.enter_context(patch("ui.cli.run.Terminal", Terminal))
    patches.enter_context(patch("ui.cli.run._opened", opened))
    if call != "poll":
        patches.enter_context(patch(f"ui.cli.run.{call}", fail))
    sys.exit(main(arguments))
