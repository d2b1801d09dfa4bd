"""The request ring of a connector, from this end: copies of the requests, and their responses (``ring.h``)."""

import ctypes

from app.xen.abi.displif import XEN_DISPLIF_RING_SIZE, xendispl_req, xendispl_resp
from app.xen.abi.ring import sring
from app.xen.backend.guest_error import GuestError
from app.xen.backend.shared_page import SharedPage, fence

_SLOT = ctypes.sizeof(xendispl_req)
_SLOTS = ctypes.sizeof(sring)
_REQ_PROD = sring.req_prod.offset
_REQ_EVENT = sring.req_event.offset
_RSP_PROD = sring.rsp_prod.offset
_RSP_EVENT = sring.rsp_event.offset
_U32 = 0xFFFFFFFF


class RequestRing:
    """One round is: :meth:`take`, :meth:`respond` once for each request, :meth:`publish`; then NOTIFY if it says so.

    Used by one thread. Both indices begin at 0: the front end makes a new page for each connection.
    """

    def __init__(self, page: memoryview) -> None:
        """``page``: mapped writable. Raises ValueError if it is not one page."""
        self._page = SharedPage(page)
        self._req_cons = 0
        self._rsp_prod = 0

    def take(self, most: int = XEN_DISPLIF_RING_SIZE) -> tuple[xendispl_req, ...]:
        """Copies of the requests that wait, the oldest ``most`` of them.

        Raises GuestError if the producer index is more than the ring ahead; the ring cannot be used any more.
        """
        count = min(self._waiting(), most)
        fence()
        requests = tuple(self._copy(self._req_cons + n) for n in range(count))
        self._req_cons = self._req_cons + count & _U32
        return requests

    def respond(self, response: xendispl_resp) -> None:
        """Write the response to the oldest request that has none. Raises ValueError if all have one."""
        if self._rsp_prod == self._req_cons:
            raise ValueError("a response without a request")
        self._page.write(self._offset(self._rsp_prod), bytes(response))
        self._rsp_prod = self._rsp_prod + 1 & _U32

    def publish(self) -> bool:
        """Show the responses to the guest and ask it to notify of its next request.

        True if the guest wants to be notified (RING_PUSH_RESPONSES_AND_CHECK_NOTIFY). Call :meth:`take` again
        afterwards, until it gives nothing: requests that came meanwhile are not notified.
        """
        old = self._page.word(_RSP_PROD)
        fence()
        self._page.set_word(_RSP_PROD, self._rsp_prod)
        self._page.set_word(_REQ_EVENT, self._req_cons + 1)
        fence()
        new = self._rsp_prod
        return (new - self._page.word(_RSP_EVENT)) & _U32 < (new - old) & _U32

    def release(self) -> None:
        """May be called twice. The page can be unmapped afterwards."""
        self._page.release()

    def _waiting(self) -> int:
        ahead = (self._page.word(_REQ_PROD) - self._rsp_prod) & _U32
        taken = (self._req_cons - self._rsp_prod) & _U32
        if ahead > XEN_DISPLIF_RING_SIZE or ahead < taken:
            raise GuestError("request index outside the ring")
        return ahead - taken

    def _copy(self, index: int) -> xendispl_req:
        return xendispl_req.from_buffer_copy(self._page.copy(self._offset(index), _SLOT))

    @staticmethod
    def _offset(index: int) -> int:
        return _SLOTS + index % XEN_DISPLIF_RING_SIZE * _SLOT
