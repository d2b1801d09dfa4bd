"""Opens a TARGET of Xen: a guest's screen, or pages that a domain granted."""

import threading
from collections.abc import Callable
from contextlib import ExitStack

from app.host.paths import HOST, Paths
from app.open.session import Session
from app.open.xen_access import RequestXen, opened_host
from app.open.xen_display_session import open_screen
from app.open.xen_guests import choose_screen
from app.open.xen_refs_session import open_refs, read_refs
from app.open.xen_target import XenRefs, XenScreen
from app.xen.access.seam import XenHost


def open_xen(target: XenScreen | XenRefs, paths: Paths = HOST, request: RequestXen | None = None) -> Session:
    """Open the files of Xen, and the target. Raises MdevviewError; ``request`` as for :func:`opened_host`."""
    # Before anybody is asked for root's permission.
    pages = read_refs(target) if isinstance(target, XenRefs) else None
    host = opened_host(paths, request)
    with ExitStack() as left:
        left.callback(host.close)
        if isinstance(target, XenRefs):
            assert pages is not None
            session = open_refs(target, *pages, host, paths)
        else:
            session = session_on(target, host, lost=left.pop_all)
        left.pop_all()
    return session


def session_on(target: XenScreen, host: XenHost, lost: Callable[[], object]) -> Session:
    """A session that takes ``host`` over. Raises MdevviewError: the host is still open then, and the caller's.

    ``lost`` is called before the error if it is not the caller's any more: somebody who meanwhile opened another
    display of the guest uses it.
    """
    choice = choose_screen(host.store, target)
    lent = _LentHost(host)
    try:
        session = open_screen(choice, host, lent.give_back)
    except BaseException:
        if lent.is_used():
            lent.hand_over()
            lost()
        raise
    lent.hand_over()
    return session


class _LentHost:
    """Closes a host that was given back, but not before it was handed over. Thread-safe."""

    def __init__(self, host: XenHost) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._given_back = self._handed_over = False

    def is_used(self) -> bool:
        with self._lock:
            return not self._given_back

    def give_back(self) -> None:
        with self._lock:
            self._given_back = True
        self._close_if_done()

    def hand_over(self) -> None:
        with self._lock:
            self._handed_over = True
        self._close_if_done()

    def _close_if_done(self) -> None:
        with self._lock:
            is_done = self._given_back and self._handed_over
        if is_done:
            self._host.close()
