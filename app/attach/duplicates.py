"""What a VM's process has open of VFIO, duplicated: each fd asked what it is, and told which device it must be."""

import errno
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from app.attach.helper_fds import Handover
from app.attach.identity import Answers, Match, ask, assign, facts_of
from app.device.seam import Device, FdDevice
from app.errors import NoSuchDevice, OpenFailed, PermissionDenied, ProcessGone, error_text
from app.host import holders, vmm
from app.host.holders import DEVICE_LINK, cdev_of
from app.host.paths import Paths
from app.host.process import Process, is_ending
from app.host.vgpu import Vgpu
from app.host.vm import Vm
from app.qemu import command_line

_log = logging.getLogger(__name__)

_REFUSED = (errno.EPERM, errno.EACCES)


def _link(fd: int) -> str:
    """What one of our own fds leads to, "" for none."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}").removesuffix(" (deleted)")  # noqa: PTH115
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Reach:
    """How other processes are reached; a test puts something else here.

    ``hand_over`` is asked when the kernel refuses this user, None when the user does not want that.
    """

    hand_over: Handover | None = None
    open_process: Callable[[int], Process] = Process.open
    device: Callable[[int], Device] = FdDevice
    link: Callable[[int], str] = _link


AS_THIS_USER = Reach()


@dataclass(slots=True)
class Found:
    """One duplicate of a VM's fd that answered."""

    number: int
    device: Device
    answers: Answers
    cdev: str | None
    syspath: str | None
    match: Match | None = None

    @property
    def has_display(self) -> bool:
        return self.answers.offer.backing is not None


@dataclass(slots=True)
class Held:
    """What one process has: its devices that answered, and how many did not because they are not set up yet."""

    vm: Vm
    found: list[Found] = field(default_factory=list)
    silent: int = 0
    hidden: bool = False
    groups: tuple[int, ...] = ()

    def close(self) -> None:
        for each in self.found:
            each.device.close()
        self.found = []


def look(process: Process, number: int | None, paths: Paths, reach: Reach) -> Held:
    """Duplicate every VFIO device fd of a process, or the one of that number, and ask each what it is."""
    held = Held(vmm.vm_of(process.pid, paths))
    # With /proc mounted hidepid=invisible another user's process is not even there.
    if not held.vm.arguments and (paths.proc / str(process.pid)).exists():
        if process.ended() or is_ending(process.pid, paths):
            raise ProcessGone(f"{words_of(held.vm)} has ended", "start it again")
        raise NoSuchDevice(f"process {process.pid} ({held.vm.process}) is a kernel thread", "give a VM's pid")
    with ExitStack() as undo:
        undo.callback(held.close)
        pairs = _duplicates(process, number, held, paths, reach)
        undo.callback(_close_all, pairs)
        while pairs:
            _ask(held, *pairs.pop(0), paths, reach)
        undo.pop_all()
    return held


def _close_all(pairs: list[tuple[int, int]]) -> None:
    for _, own in pairs:
        os.close(own)


def _duplicates(process: Process, number: int | None, held: Held, paths: Paths, reach: Reach) -> list[tuple[int, int]]:
    """Pairs of a fd there and its duplicate here, by this user's own rights or, where they do not do, by a helper's."""
    refusal: OSError
    try:
        seen = holders.look(process.pid, paths)
        fds = (number,) if number is not None else seen.fds if seen is not None else ()
        pairs: list[tuple[int, int]] = []
        try:
            for fd in fds:
                own = _duplicate(process, fd, number)
                if own is not None:
                    pairs.append((fd, own))
        except BaseException:
            _close_all(pairs)
            raise
        return pairs
    except OSError as error:
        # An ending process has no files before its pidfd says that it ended.
        if process.ended() or error.errno == errno.ESRCH:
            raise ProcessGone(f"{words_of(held.vm)} has ended", "start it again") from error
        if error.errno not in _REFUSED and (paths.proc / str(process.pid)).exists():
            raise OpenFailed(
                f"cannot look into {words_of(held.vm)}: {error_text(error)}", "see 'mdevview doctor'"
            ) from error
        refusal = error
    held.hidden = True
    if reach.hand_over is None:
        raise _denied(held.vm) from refusal
    handed = reach.hand_over(process.pid, number)
    held.groups = handed[0].groups if handed else ()
    return [(each.number, each.fd) for each in handed]


def _duplicate(process: Process, fd: int, asked_for: int | None) -> int | None:
    try:
        return process.duplicate(fd)
    except OSError as error:
        # Closed since it was listed.
        if error.errno != errno.EBADF:
            raise
        if asked_for is not None:
            raise NoSuchDevice(f"process {process.pid} has no fd {fd}", "leave the fd out") from error
        return None


def _ask(held: Held, number: int, own: int, paths: Paths, reach: Reach) -> None:
    """Take one duplicate over: kept when it is a VFIO device that answers."""
    link = reach.link(own)
    cdev = cdev_of(link)
    if cdev is None and link != DEVICE_LINK:
        # The number was given to another file since it was listed.
        os.close(own)
        return
    device = reach.device(own)
    try:
        answers = ask(device)
    except OSError as error:
        # EINVAL: a cdev that is not bound to an iommufd yet (vfio_device_fops_unl_ioctl() in vfio_main.c).
        _log.info("%s: its fd %d does not answer: %s", words_of(held.vm), number, error_text(error))
        held.silent += 1
        device.close()
        return
    held.found.append(Found(number, device, answers, cdev, holders.syspath_of(own, "self", paths)))


def identify(held: Held, vgpus: Sequence[Vgpu], open_there: list[Vgpu], paths: Paths) -> None:
    """Say of each fd which device it is, as far as that can be told: by name, by the kernel, by its answers."""
    unknown: dict[int, Found] = {}
    named: set[str] = set()
    for each in held.found:
        name = each.syspath.rsplit("/", 1)[-1] if each.syspath else None
        if each.cdev is not None:
            name = next((vgpu.name for vgpu in vgpus if vgpu.cdev == each.cdev), name)
        if name is not None:
            each.match = Match(name, certain=True)
            named.add(name)
        else:
            unknown[each.number] = each
    left = [each for each in open_there if each.name not in named]
    if len(left) == 1:
        matches = {number: Match(left[0].name, certain=True) for number in unknown}
    else:
        matches = assign(
            {number: each.answers for number, each in unknown.items()},
            {each.name: facts_of(each, paths) for each in left},
            _realized(held.vm.arguments),
        )
    for number, match in matches.items():
        unknown[number].match = match


def _realized(arguments: Sequence[str]) -> list[str]:
    """The sysfs names of QEMU's VFIO devices in the order in which it makes them: those given as JSON come last."""
    line = command_line.parse(arguments)
    as_json = {each.position for each in line.options if (each.value or "").startswith("{")}
    devices = sorted(line.vfio_devices, key=lambda each: (each.position in as_json, each.position))
    return [each.vfio_name for each in devices if each.vfio_name is not None]


def words_of(vm: Vm) -> str:
    """A VM as a person knows it: its name, its process."""
    return f"VM {vm.name} ({vm.process} {vm.pid})" if vm.name else f"{vm.process} {vm.pid}"


def _denied(vm: Vm) -> PermissionDenied:
    """What the kernel asks for (__ptrace_may_access() in kernel/ptrace.c; Documentation/admin-guide/LSM/Yama.rst)."""
    return PermissionDenied(
        f"the kernel does not let you at the files of {words_of(vm)}",
        "run the VM as your own user with kernel.yama.ptrace_scope at 0, or give mdevview CAP_SYS_PTRACE, "
        "or let its helper do it (--helper)",
    )
