"""Children that did not end in time are reaped later."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from app.host.reaping import reap_ended
from tests.unit.ended_child import EndedChild


def test_two_threads_reap_the_same_child() -> None:
    stuck: list[Any] = [EndedChild()]
    with ThreadPoolExecutor(2) as threads:
        for each in [threads.submit(reap_ended, stuck) for _ in range(2)]:
            each.result()
    assert stuck == []
