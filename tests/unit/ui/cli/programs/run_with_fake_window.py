"""``mdevview ARGUMENTS`` with a fake window: ``python -m ... opens|waits ARGUMENTS``.

The window writes what it shows to the file "shown". It closes when there is a file "closed", or when a fd that it
watches is readable. With "waits" no session is opened, so that there is never a window.
"""

import select
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol
from unittest.mock import patch

from app.errors import NeedsRunningVm
from app.open.opening import OpenOptions
from app.open.target import Target
from ui.cli.main import main


class Options(Protocol):
    """What the window gets of the command line's options."""

    @property
    def qmp(self) -> object: ...


def open_target(target: Target, options: OpenOptions) -> Target:
    assert options.alone is False
    if not Path("report").exists():
        raise NeedsRunningVm("no VM has it")
    return target


def show(window: str, target: Target, session: Target, options: Options, end_fds: Sequence[int], **_: object) -> int:
    assert window == "a window" and session is target
    Path("shown.part").write_text(f"{target} {options.qmp}")
    # At once with all of its text: the test reads it as soon as it is there.
    Path("shown.part").rename("shown")
    while not Path("closed").exists() and not select.select(end_fds, [], [], 0.02)[0]:
        pass
    return 0


manner, *arguments = sys.argv[1:]
with ExitStack() as patches:
    patches.enter_context(patch("ui.window.application.make_application", lambda: "a window"))
    patches.enter_context(patch("ui.window.application.show", show))
    if manner == "opens":
        patches.enter_context(patch("app.open.opening.open_target", open_target))
    sys.exit(main(arguments))
