"""A request to root for the VFIO fds of another user's VM, which ``packaging/helper/mdevview-getfd`` hands over."""

from app.attach.helper_answer import check_answer
from app.attach.helper_exchange import HelperExchange
from app.attach.helper_fds import HelperMethod, ReceivedFd
from app.attach.helper_installation import INSTALLED, HelperInstallation, helper_command


def request_fds(
    pid: int,
    fd: int | None = None,
    method: HelperMethod = HelperMethod.AUTO,
    installation: HelperInstallation = INSTALLED,
    cancel_fd: int = -1,
) -> list[ReceivedFd]:
    """Duplicates of all VFIO device fds with a display of a process, or only of its fd ``fd``.

    Waits while a person is asked for a password, but not after ``cancel_fd`` is readable. Open the process's pidfd
    before, and check afterwards that the process has not ended. Otherwise the helper may have seen another process
    with the same pid. Raises PermissionDenied, NoSuchDevice (no such fd, or none with a display), ProcessGone or
    OpenFailed.
    """
    with HelperRequest(pid, fd, method, installation) as request:
        request.start()
        request.wait(cancel_fd)
        return request.result()


class HelperRequest(HelperExchange[list[ReceivedFd]]):
    """One request for the VFIO fds of a process. The received fds belong to the caller of :meth:`result`."""

    def __init__(
        self,
        pid: int,
        fd: int | None = None,
        method: HelperMethod = HelperMethod.AUTO,
        installation: HelperInstallation = INSTALLED,
    ) -> None:
        def accept(message: bytes, fds: list[int], flags: int) -> list[ReceivedFd]:
            answer = check_answer(message, len(fds), flags, fd)
            return [
                ReceivedFd(number, each, answer.groups, device)
                for number, each, device in zip(answer.numbers, fds, answer.devices, strict=True)
            ]

        super().__init__(f"look into process {pid}", lambda: helper_command(pid, fd, method, installation), accept)
