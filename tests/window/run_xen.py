"""``mdevview ARGUMENTS`` on a fake Xen host with one guest, "demo", in a window that a test operates.

See :mod:`tests.window.window_driver`.
"""

import sys
from typing import Any

import numpy as np

from tests.pushed.source import HEIGHT, WIDTH, expected_picture
from tests.window.window_driver import WindowDriver, run
from tests.xen.display_front import Screen
from tests.xen.front import wait_until
from tests.xen.machine import fake_xen, opened_everywhere
from tests.xen.nodes import DisplayConfig

NAME = "demo"
DISPLAYS = [DisplayConfig((("id0", WIDTH, HEIGHT),))]


class XenDriver(WindowDriver):
    """Operates the guest too, whose programs run in this thread: none waits for the window."""

    def guest_states(self) -> list[int]:
        """Those of the front ends: the display's, the keyboard's."""
        keyboard = GUESTS[-1].keyboard
        assert keyboard is not None
        return [GUESTS[-1].display.state, keyboard.state]

    def guest_show(self, number: int) -> None:
        """Draw the picture with this number and flip to it."""
        display = GUESTS[-1].display
        if display not in SCREENS:
            SCREENS[display] = Screen(display, WIDTH, HEIGHT)
        SCREENS[display].show(_xrgb(number))

    def guest_draw(self, number: int) -> None:
        """Draw the picture with this number into the pages whose references are REFS in the arguments."""
        PAGES.data[: WIDTH * HEIGHT * 4] = _xrgb(number)

    def guest_off(self) -> None:
        SCREENS[GUESTS[-1].display].off()

    def guest_flips(self) -> list[int]:
        """How many flips were asked for, and how many were done."""
        connector = GUESTS[-1].display.connectors[0]
        connector.events.consume()
        return [connector.flips, len(connector.events.done)]

    def guest_events(self) -> list[Any]:
        """What the keyboard driver got."""
        keyboard = GUESTS[-1].keyboard
        return keyboard.events if keyboard is not None else []

    def guest_end(self) -> None:
        XEN.destroy(GUESTS[-1], keep_backend=False)

    def guest_start(self) -> None:
        """The guest starts again: another domain of the same name."""
        GUESTS.append(XEN.create(NAME, DISPLAYS, keyboard=True, identity=GUESTS[-1].uuid))


def _xrgb(number: int) -> bytes:
    pixels = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    pixels[..., :3] = expected_picture(number, cursor=False)[..., ::-1]
    return pixels.tobytes()


if __name__ == "__main__":
    with fake_xen() as XEN, opened_everywhere(XEN):
        GUESTS = [XEN.create(NAME, DISPLAYS, keyboard=True)]
        SCREENS: dict[Any, Screen] = {}
        PAGES = GUESTS[0].domain.share(WIDTH * HEIGHT * 4)
        refs = f"{PAGES.refs[0]}-{PAGES.refs[-1]}"
        status = run([each.replace("REFS", refs) for each in sys.argv[1:]], XenDriver)
        # The input of a window that was closed is let go on a thread of its own.
        wait_until(lambda: not any(each.is_open for each in XEN.hosts), lambda: "a host stays open")
    sys.exit(status)
