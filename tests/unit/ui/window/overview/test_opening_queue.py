"""Openings take turns."""

from ui.window.overview.opening_queue import OpeningQueue


def test_openings_start_in_order_and_few_at_once() -> None:
    started: list[str] = []
    queue = OpeningQueue(most=2)
    for name in "abcd":
        queue.add(name, lambda name=name: started.append(name))  # type: ignore[misc]
    assert started == ["a", "b"]
    queue.remove("c")
    assert "c" not in queue
    queue.remove("a")
    queue.remove("a")
    assert started == ["a", "b", "d"]
    assert "b" in queue and "d" in queue


def test_opening_that_ends_at_once_lets_the_next_one_start() -> None:
    """As where no thread can be started."""
    started: list[str] = []
    queue = OpeningQueue(most=1)

    def start(name: str) -> None:
        started.append(name)
        queue.remove(name)

    for name in "abc":
        queue.add(name, lambda name=name: start(name))  # type: ignore[misc]
    assert started == ["a", "b", "c"]
