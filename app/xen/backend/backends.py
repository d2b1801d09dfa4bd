"""The guests that this program serves: one thread for each domain, shared by its displays and its keyboard."""

from collections.abc import Callable

from app.vm.shared import Shared
from app.xen.access.seam import XenHost
from app.xen.backend.backend_thread import BackendThread

_BACKENDS: Shared[BackendThread] = Shared(lambda thread: not thread.ended, BackendThread.close)


def take_backend(
    domid: int, host: XenHost, release_host: Callable[[], None] | None = None
) -> tuple[BackendThread, Callable[[], None]]:
    """The thread that serves this domain, and what gives it back; more calls of that do nothing.

    Takes ``host`` over, also if it raises OSError: it is used if the domain is not served yet, else ``release_host`` is
    called at once. ``release_host`` closes the host (None) or keeps it for a later guest: it is called when this
    program is done with it, by whoever gives the thread back last, after everything was unmapped and unbound.
    """
    used = False

    def make() -> BackendThread:
        nonlocal used
        used = True
        return BackendThread(host, release_host)

    try:
        return _BACKENDS.take(domid, make)
    finally:
        if not used:
            (host.close if release_host is None else release_host)()


def join_backend(domid: int) -> tuple[BackendThread, Callable[[], None]] | None:
    """The thread that serves this domain already, and what gives it back; None if it is not served."""
    return _BACKENDS.join(domid)
