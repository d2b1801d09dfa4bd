"""No thread can be started, as for a user who has as many as the system allows."""

import threading
from typing import NoReturn

import pytest


def refuse_threads(patch: pytest.MonkeyPatch) -> None:
    """Each start of a thread raises the RuntimeError of CPython, until ``patch`` is undone."""

    def refuse(_thread: threading.Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    patch.setattr(threading.Thread, "start", refuse)
