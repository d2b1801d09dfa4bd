"""``mdevview ARGUMENTS`` that shows a pushed screen whatever the target is: ``python -m ... ARGUMENTS``.

Each line of standard input calls a method of the source ("push", "end"). At the end a line of JSON on standard output
has the modes that the guest was asked for, the frames that the source was told were shown, and the keys that came.
The log tells of keys as they come.
The first FAILING_UPLOADS uploads of pixels, a number in the environment, fail for lack of memory.
"""

import itertools
import json
import logging
import os
import sys
import threading
from collections.abc import Sequence
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from app.input.event import Event
from gl.errors import GL_OUT_OF_MEMORY, GlError
from gl.textures import UploadTexture
from tests.pushed.input import PushedInput, PushedMonitor
from tests.pushed.session import PushedResolution, pushed_session
from tests.pushed.source import PushedSource
from ui.cli.main import main

_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)
failures_left, send = itertools.count(int(os.environ.get("FAILING_UPLOADS", "0")), -1), UploadTexture.send


def fail_or_send(texture: UploadTexture, rows: NDArray[np.uint8], x: int = 0, y: int = 0) -> None:
    if next(failures_left) > 0:
        raise GlError("uploading", (GL_OUT_OF_MEMORY,))
    send(texture, rows, x, y)


class TellingMonitor(PushedMonitor):
    def send(self, events: Sequence[Event]) -> None:
        super().send(events)
        _log.info("keys so far: %s", " ".join(self.keys))


source, resolution, route = PushedSource(), PushedResolution(), PushedInput(TellingMonitor())


def read_commands() -> None:
    for line in sys.stdin:
        getattr(source, line.strip())()


threading.Thread(target=read_commands, daemon=True).start()
with (
    patch("ui.window.application.open_target", lambda *_, **__: pushed_session(source, resolution, route)),
    patch.object(UploadTexture, "send", fail_or_send),
):
    status = main(sys.argv[1:])
assert source.fileno() == -1, "the source was not closed"
assert route.monitor.closed, "the monitor was not closed"
report = {
    "asked": [str(each) for each in resolution.asked],
    "shown": source.shown_frames,
    "keys": route.monitor.keys,
}
print(json.dumps(report), flush=True)
sys.exit(status)
