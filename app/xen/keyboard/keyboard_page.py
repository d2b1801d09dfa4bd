"""The page of a guest's PV keyboard, from this end (``kbdif.h``): a ring of events that the guest takes."""

from collections.abc import Sequence

from app.xen.abi.kbdif import XENKBD_IN_EVENT_SIZE, XENKBD_IN_RING_LEN, XENKBD_IN_RING_OFFS, xenkbd_page
from app.xen.backend.guest_error import GuestError
from app.xen.backend.shared_page import SharedPage, fence

_IN_PROD = xenkbd_page.in_prod.offset
_IN_CONS = xenkbd_page.in_cons.offset


class KeyboardPage:
    """Used by one thread. The page outlives this end: it goes on where the backend before it has stopped.

    51 does not divide 2**32, so where the indices wrap, an event that was not read yet may be overwritten, as it may
    with QEMU (hw/display/xenfb.c): once in 2**32 events.
    """

    def __init__(self, page: memoryview) -> None:
        """``page``: mapped writable. Raises ValueError if it is not one page."""
        self._page = SharedPage(page)
        self.in_prod = self._page.word(_IN_PROD)
        """The number of the next event, modulo 2**32."""

    def unread(self) -> int:
        """How many events wait for the guest. Raises GuestError if it has taken more than there were."""
        count = self.in_prod - self._page.word(_IN_CONS) & 0xFFFFFFFF
        if count > XENKBD_IN_RING_LEN:
            raise GuestError("the keyboard's page has a wrong in_cons")
        return count

    def free(self) -> int:
        """How many events can be put. Raises GuestError."""
        return XENKBD_IN_RING_LEN - self.unread()

    def put(self, events: Sequence[bytes]) -> None:
        """Put events, at most :meth:`free`; the caller notifies the guest."""
        for event in events:
            slot = self.in_prod % XENKBD_IN_RING_LEN
            self._page.write(XENKBD_IN_RING_OFFS + slot * XENKBD_IN_EVENT_SIZE, event)
            self.in_prod = self.in_prod + 1 & 0xFFFFFFFF
        fence()
        self._page.set_word(_IN_PROD, self.in_prod)

    def release(self) -> None:
        """May be called twice. The page can be unmapped afterwards."""
        self._page.release()
