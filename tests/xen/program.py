"""A program of a fake guest that shows pictures for as long as it is told to."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.xen.display_front import XR24, DisplayFront, Screen
from tests.xen.nodes import CONNECTED


@contextmanager
def showing(
    display: DisplayFront, size: tuple[int, int], picture: Callable[[int], bytes], *, fourcc: int = XR24
) -> Iterator[list[int]]:
    """Flip to ``picture(0)``, ``picture(1)`` and so on, each after the end of the flip before.

    After the end of a backend it starts again with the next one. Gives the numbers of the flips that were done.
    """
    stop, done = threading.Event(), list[int]()

    def run() -> None:
        numbers = itertools.count()
        while not stop.wait(0.002):
            if display.state != CONNECTED:
                continue
            try:
                screen = Screen(display, *size, fourcc=fourcc)
                while not stop.is_set():
                    number = next(numbers)
                    screen.show_and_wait(picture(number))
                    done.append(number)
            except (OSError, ValueError, IndexError):
                # The backend has gone: the buffers are freed, the channels closed.
                continue

    thread = threading.Thread(target=run, name="guest-program")
    thread.start()
    try:
        yield done
    finally:
        stop.set()
        thread.join()
