"""The event page of a connector, from this end: the guest learns that a flip is done (``displif.h``)."""

import ctypes

from app.xen.abi.displif import (
    XENDISPL_EVT_PG_FLIP,
    XENDISPL_IN_RING_LEN,
    XENDISPL_IN_RING_OFFS,
    xendispl_event_page,
    xendispl_evt,
)
from app.xen.backend.shared_page import SharedPage, fence

_IN_PROD = xendispl_event_page.in_prod.offset
_SLOT = ctypes.sizeof(xendispl_evt)


class EventPage:
    """Used by one thread. Identifiers and ``in_prod`` begin at 0: the front end makes a new page for each connection.

    There is no "full": the protocol lets a front end confirm events or not, and one that leaves 63 of them unread
    overwrites only its own.
    """

    def __init__(self, page: memoryview) -> None:
        """``page``: mapped writable. Raises ValueError if it is not one page."""
        self._page = SharedPage(page)
        self._in_prod = 0

    def flip_done(self, fb_cookie: int) -> None:
        """Put the event; the caller notifies the guest. Exactly one for each PG_FLIP that was answered with 0."""
        event = xendispl_evt(id=self._in_prod & 0xFFFF, type=XENDISPL_EVT_PG_FLIP)
        event.op.pg_flip.fb_cookie = fb_cookie
        self._page.write(XENDISPL_IN_RING_OFFS + self._in_prod % XENDISPL_IN_RING_LEN * _SLOT, bytes(event))
        self._in_prod = self._in_prod + 1 & 0xFFFFFFFF
        fence()
        self._page.set_word(_IN_PROD, self._in_prod)

    def release(self) -> None:
        """May be called twice. The page can be unmapped afterwards."""
        self._page.release()
