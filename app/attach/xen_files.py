"""A request to root for the device files of Xen, which ``packaging/helper/mdevview-getxen`` opens.

Only root may open them: who has them controls the host and all of its guests (packaging/doc/xen.md).
"""

import os
import stat
from typing import NamedTuple

from app.attach import helper_answer
from app.attach.helper_exchange import HelperExchange
from app.attach.helper_fds import HelperMethod
from app.attach.helper_installation import XEN_INSTALLED, HelperCommand, HelperInstallation, Question, command_for

FILES = ("gntdev", "evtchn", "xenbus")
"""The names in /dev/xen, in the order of the helper's fds."""

_QUESTION = Question("open the files of Xen in /dev/xen", (), "mdevview asks for control of this Xen host")


class XenFiles(NamedTuple):
    """The fds of /dev/xen/gntdev, /dev/xen/evtchn and /dev/xen/xenbus, opened for reading and writing."""

    gntdev: int
    evtchn: int
    xenbus: int


def request_xen_files(
    method: HelperMethod = HelperMethod.AUTO, installation: HelperInstallation = XEN_INSTALLED, cancel_fd: int = -1
) -> XenFiles:
    """The opened files of Xen, which belong to the caller.

    Waits while a person is asked for a password, but not after ``cancel_fd`` is readable. Raises PermissionDenied,
    NoSuchDevice (this is no Xen domain, or a module is not loaded), or OpenFailed.
    """
    with XenFilesRequest(method, installation) as request:
        request.start()
        request.wait(cancel_fd)
        return request.result()


class XenFilesRequest(HelperExchange[XenFiles]):
    """One request for the files of Xen. The fds belong to the caller of :meth:`result`."""

    def __init__(
        self, method: HelperMethod = HelperMethod.AUTO, installation: HelperInstallation = XEN_INSTALLED
    ) -> None:
        def command() -> HelperCommand:
            return command_for(_QUESTION, method, installation)

        super().__init__(_QUESTION.to_do, command, accept_files)


def accept_files(message: bytes, fds: list[int], flags: int) -> XenFiles:
    """The three fds of a message with these flags of recvmsg(2). Raises the helper's refusal, or OpenFailed."""
    helper_answer.check_flags(flags)
    document = helper_answer.parse_document(message, len(fds))
    if document.get("files") != list(FILES) or len(fds) != len(FILES):
        raise helper_answer.unclear("it has not the three files of Xen")
    if not all(stat.S_ISCHR(os.fstat(each).st_mode) for each in fds):
        raise helper_answer.unclear("a file is no device")
    return XenFiles(*fds)
