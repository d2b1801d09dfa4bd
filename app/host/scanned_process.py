"""What a scan of the host's processes sees of one process."""

import re
from dataclasses import dataclass, field

from app.host import proc
from app.qemu import command_line
from app.text.clean import clean

# The names of programs that are taken for VMMs. Any process may take such a name.
_VMM = re.compile(rb"(qemu|kvm|cloud-hypervisor|crosvm)")


def has_name_of_vmm(text: bytes) -> bool:
    """Whether a command line, or the name of a process, starts like that of a virtual machine monitor."""
    return _VMM.match(text.partition(b"\0")[0].rpartition(b"/")[2]) is not None


@dataclass(frozen=True, slots=True)
class DeviceFd:
    """An ``anon_inode:[vfio-device]``. ``syspath`` is the path of its device in sysfs; None before Linux 6.18."""

    fd: int
    syspath: str | None = None

    @property
    def device(self) -> str | None:
        """The sysfs name of the device."""
        return self.syspath.rsplit("/", 1)[-1] if self.syspath else None


@dataclass(frozen=True, slots=True)
class ScannedProcess:
    """What a scan saw of one process.

    ``started`` is in clock ticks since boot; it and ``parent`` are 0 if they cannot be seen. ``uid`` is its real user,
    None if that cannot be seen. ``command_line`` is the content of ``/proc/PID/cmdline``, or its start if
    ``arguments_cut``. The process chooses it, like its ``name``: it proves nothing. ``files_hidden`` says that its fds
    could not be listed: then all the following members are empty. ``groups`` and ``cdevs`` map the number of a group
    and the name of a cdev to the fd. ``device_fds`` were opened by a group. ``fds`` are all fds that may be a device
    (``device_fds`` and ``cdevs``), sorted. ``kvm`` and ``iommufd`` say whether it holds such a file.
    """

    pid: int
    name: str
    started: int = 0
    parent: int = 0
    uid: int | None = None
    command_line: bytes = b""
    arguments_cut: bool = False
    files_hidden: bool = False
    groups: dict[int, int] = field(default_factory=dict)
    cdevs: dict[str, int] = field(default_factory=dict)
    device_fds: tuple[DeviceFd, ...] = ()
    fds: tuple[int, ...] = ()
    dmabuf_fds: tuple[int, ...] = ()
    kvm: bool = False
    iommufd: bool = False

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command line as text. It is made at every call: all of them together would need too much memory."""
        return proc.split_arguments(self.command_line)

    @property
    def vm_name(self) -> str | None:
        """The name of the VM on its command line, as it is shown; see :meth:`is_vm`."""
        name = command_line.vm_name(self.arguments)
        return clean(name) if name else None

    def is_vm(self, name: str) -> bool:
        """Whether this is exactly the name or the number of the VM on its command line.

        The name may be of any length and have any characters.
        """
        arguments = self.arguments
        return name in (command_line.vm_name(arguments), command_line.vm_number(arguments))

    @property
    def vm_id(self) -> str | None:
        """The number of the VM on its command line (Proxmox VE)."""
        return command_line.vm_number(self.arguments)

    @property
    def is_vmm(self) -> bool:
        """Whether the command line is that of a virtual machine monitor, by the program's name."""
        return has_name_of_vmm(self.command_line)

    @property
    def is_viewer(self) -> bool:
        """Whether it is this program: ``mdevview``, ``python3 /usr/bin/mdevview`` or ``python3 -m mdevview``.

        A viewer closes a VM's device when the VM ends. Any process may take this name.
        """
        return any(each.rsplit("/", 1)[-1] == "mdevview" for each in proc.split_arguments(self.command_line, 4))

    @property
    def has_vfio_files(self) -> bool:
        """Whether it is known to have a VFIO device, or the group of one, open."""
        return bool(self.groups or self.fds)

    def fd_of(self, device: str) -> int | None:
        """Its fd of the device with that sysfs name, opened by a group. The kernel tells this since Linux 6.18."""
        return next((each.fd for each in self.device_fds if each.device == device), None)
