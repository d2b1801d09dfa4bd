"""Makes a session of a picture in pages that a domain granted to this one."""

from collections.abc import Callable

from app.errors import OpenFailed
from app.open.session import Session
from app.open.xen_target import XenRefs
from app.xen.access.seam import XenHost


def open_refs(target: XenRefs, host: XenHost, release_host: Callable[[], None]) -> Session:
    """Calls ``release_host`` once it is done with the host, also before it raises an MdevviewError."""
    release_host()
    raise OpenFailed("grant references cannot be shown yet")
