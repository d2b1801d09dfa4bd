"""The process of an import trial: ``python -m gl.trial_child REQUEST FD PARENT``.

It opens the display that the request names, imports the dma-buf and reads the picture back. A driver that dies or
hangs does so here. It writes lines to standard output: ``ready`` before the import, ``survived`` after it, ``unlike``
when it cannot reach the driver in question, or ``failed:ERROR`` when Python itself fails, for example without memory.
It does not tell whether the import succeeded, because the program finds that out itself. Only a request for evidence
is answered with more lines before ``survived``: ``image:made`` each time when EGL made an image, ``note:TEXT`` for each
attempt that failed, and ``result:`` with the outcome. TEXT is quoted as in an URL.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Run the trial and end the process."""
    text, fd, parent = sys.argv[1:]
    _limit(int(parent))
    # A driver's messages go nowhere; only the answer is read.
    answers = os.dup(1)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)

    def say(word: str) -> None:
        os.write(answers, f"{word}\n".encode())

    try:
        _try(text, int(fd), say)
    except Exception as error:  # An error in Python says nothing about the driver.
        say(f"failed:{type(error).__name__}")
    # Python's own end would run the driver's exit handlers, which prove nothing about the import.
    os._exit(0)


def _limit(parent: int) -> None:
    """End with the parent, leave no core file, and be the first to end when memory is short."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _try(text: str, fd: int, say: Callable[[str], None]) -> None:
    # Imported here, so that the limits above hold while libraries are loaded.
    from app.formats.fourcc import pixel_format  # noqa: PLC0415
    from app.planes.buffer import DmaBuffer  # noqa: PLC0415
    from gl.trial_import import import_and_read, import_for_evidence, matching_context  # noqa: PLC0415
    from gl.trial_request import parse_request  # noqa: PLC0415

    request = parse_request(text)
    buffer = DmaBuffer(fd)
    format_ = pixel_format(request.plane.fourcc)
    context = matching_context(request)
    if context is None or format_ is None:
        say("unlike")
        return
    say("ready")
    with context:
        if request.evidence:
            import_for_evidence(context, request.plane, format_, buffer, say)
        else:
            import_and_read(context, request.plane, format_, buffer)
    buffer.release()
    say("survived")


if __name__ == "__main__":
    main()
