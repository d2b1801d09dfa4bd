"""Children that do not end are reaped later."""

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from app.host import foreign_child
from app.host.foreign_child import ForeignChild


def test_two_threads_reap_the_same_child(monkeypatch: pytest.MonkeyPatch) -> None:
    both = Barrier(2)

    class Ended:
        def poll(self) -> int:
            both.wait(60)
            return 0

    stuck = [Ended()]
    monkeypatch.setattr(foreign_child, "_stuck", stuck)
    with ThreadPoolExecutor(2) as threads:
        for each in threads.map(ForeignChild, [os.devnull] * 2):
            each.close()
    assert stuck == []
