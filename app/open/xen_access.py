"""Opens the device files of a Xen host, with root's helper where this user may not."""

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from app.errors import NoSuchDevice, OpenFailed, PermissionDenied, error_text
from app.host.paths import Paths, text_of
from app.xen.access.nodes import open_store, open_xen_host, xen_host_of
from app.xen.access.seam import XenHost
from app.xen.display.lookup import XenGuest, domains, own_domid

if TYPE_CHECKING:
    from app.attach.xen_files import XenFiles

RequestXen = Callable[[], "XenFiles"]
"""Asks for the opened files of Xen, as :func:`app.attach.xen_files.request_xen_files`. Raises MdevviewError."""

_DOCTOR = "'mdevview doctor' says what this host lacks"


def opened_host(paths: Paths, request: RequestXen | None) -> XenHost:
    """The files of Xen, which the caller closes. ``request`` is called if this user may not open them; None: never.

    Raises NoSuchDevice (this is no Xen domain, or a module is not loaded), PermissionDenied, OpenFailed, and what
    ``request`` raises.
    """
    try:
        return open_xen_host(paths)
    except PermissionError as error:
        if request is None:
            raise PermissionDenied(
                "only root may open the files of Xen in /dev/xen", "run this command as root, or allow the helper"
            ) from error
    except OSError as error:
        raise _not_opened(error, paths) from error
    files = request()
    try:
        return xen_host_of(*files)
    except OSError as error:
        raise _not_opened(error, paths) from error


def listed_domains(paths: Paths) -> tuple[tuple[XenGuest, ...], int]:
    """All domains, and the domid of this domain.

    Asks nobody for permission. Raises OSError as :func:`open_store`.
    """
    with closing(open_store(paths)) as store:
        return domains(store), own_domid(store)


def _not_opened(error: OSError, paths: Paths) -> NoSuchDevice | OpenFailed:
    if isinstance(error, FileNotFoundError):
        missing = error.filename or "/dev/xen"
        if text_of(paths.sys / "hypervisor" / "type") != "xen":
            return NoSuchDevice(
                f"Xen does not run on this host: there is no {missing}",
                "'mdevview list' shows the screens of this host",
            )
        return NoSuchDevice(f"this host has no {missing}: a module of Xen is not loaded", _DOCTOR)
    return OpenFailed(f"the files of Xen cannot be opened: {error_text(error)}", _DOCTOR)
