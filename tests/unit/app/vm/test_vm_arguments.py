"""The arguments that are added to a user's command line, which is not changed otherwise."""

import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import AmbiguousTarget, MdevviewError, NoSuchDevice, UsageError
from app.host.discovery import discover
from app.host.vgpu import Vgpu
from app.qemu.command_line import parse_command_line
from app.qemu.qmp_address import UnixAddress
from app.vm import vm_arguments
from tests.unit.hosts import UUID_A, UUID_B, Host

BUS = "/sys/bus/mdev/devices"
OTHER = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev(UUID_A, "i915-GVTg_V5_4", 1)
    host.mdev(UUID_B, "mbochs-small", 2)
    host.mdev(OTHER, "mtty-1", 3)
    return host


def _qemu(*more: str) -> list[str]:
    return ["qemu-system-x86_64", "-m", "2G", *more]


def _chosen(host: Host, arguments: list[str], asked: str | None = None) -> tuple[str | None, bool]:
    choice = vm_arguments.choose_vgpu(parse_command_line(arguments), asked, discover(host.scan()))
    return choice.vgpu.name if choice.vgpu else None, choice.add


@pytest.mark.parametrize(
    ("device", "asked", "chosen"),
    [
        # The requested vGPU is added, unless the command line names it already, in any form.
        (None, UUID_A, (UUID_A, True)),
        (None, UUID_A[:-1] + "1", (UUID_A, True)),
        (None, UUID_A.upper(), (UUID_A, True)),
        (f"vfio-pci,sysfsdev={BUS}/{UUID_A}", UUID_A, (UUID_A, False)),
        (f"vfio-pci,id=gpu,sysfsdev={BUS}/{UUID_A}/,display=on", UUID_A, (UUID_A, False)),
        (f"vfio-pci,sysfsdev=/sys/devices/virtual/mbochs/mbochs/{UUID_B.upper()}", UUID_B, (UUID_B, False)),
        (f'{{"driver":"vfio-pci","sysfsdev":"{BUS}/{UUID_B}","fd":"7"}}', UUID_B, (UUID_B, False)),
        # It is added to other devices.
        (f"vfio-pci,sysfsdev={BUS}/{UUID_A}", UUID_B, (UUID_B, True)),
        ("vfio-pci,host=03:00.0", UUID_B, (UUID_B, True)),
        # None requested: the vGPU that the command line names; nothing is added to a device that is no mdev.
        (f"vfio-pci,sysfsdev={BUS}/{UUID_B}", None, (UUID_B, False)),
        ("vfio-pci,host=0000:65:00.4", None, (None, False)),
        ("vfio-pci,fd=9,iommufd=i0", None, (None, False)),
    ],
)
def test_vgpu_is_added_where_the_command_line_lacks_it(
    host: Host, device: str | None, asked: str | None, chosen: tuple[str | None, bool]
) -> None:
    assert _chosen(host, _qemu(*(["-device", device] if device else [])), asked) == chosen


def test_vm_with_a_dbus_display_gets_a_vgpu_only_if_it_is_asked_for(host: Host) -> None:
    shown = _qemu("-display", "dbus,p2p=yes")
    assert _chosen(host, shown) == (None, False)
    assert _chosen(host, shown, UUID_A) == (UUID_A, True)
    named = [*shown, "-device", f"vfio-pci,sysfsdev={BUS}/{UUID_B}"]
    assert _chosen(host, named) == (UUID_B, False)


@pytest.mark.parametrize(
    ("display", "qmp", "enough"),
    [
        ("dbus,p2p=yes", "tcp:localhost:4444,server=on", False),
        ("dbus,p2p=yes", "unix:/run/qmp,server=on", True),
        ("dbus", "tcp:localhost:4444,server=on", True),
        ("none", "tcp:localhost:4444,server=on", True),
    ],
)
def test_a_peer_to_peer_display_needs_a_monitor_that_passes_fds(display: str, qmp: str, enough: bool) -> None:
    command = parse_command_line(_qemu("-display", display, "-qmp", qmp))
    assert vm_arguments.has_monitor(command) is enough


def test_nvidia_function_is_a_vgpu_like_an_mdev(host: Host) -> None:
    host.nvidia_function("0000:41:00.4", "0000:41:00.0", 40, 1152)
    host.nvidia_function("0000:41:00.5", "0000:41:00.0", 41)
    named = _qemu("-device", "vfio-pci,host=41:00.4")
    assert _chosen(host, named) == ("0000:41:00.4", False)
    assert _chosen(host, _qemu(), "41:00.4") == ("0000:41:00.4", True)
    assert _chosen(host, named, UUID_B) == (UUID_B, True)
    assert _chosen(host, _qemu("-device", "vfio-pci,host=41:00.5")) == (None, False)


NVIDIA_MDEV = Vgpu(UUID_A, UUID_A, type_id="nvidia-558")
NVIDIA_FUNCTION = Vgpu("0000:41:00.4", type_id="nvidia-1152", driver="nvidia")
OWN = "5B5A0A4C-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("vgpu", "more", "needed"),
    [
        (NVIDIA_MDEV, (), True),
        (NVIDIA_FUNCTION, (), True),
        # Its manager does not see a UUID in another option.
        (NVIDIA_MDEV, ("-smbios", f"type=1,uuid={OWN}"), True),
        (NVIDIA_MDEV, ("-uuid", OWN), False),
        (NVIDIA_MDEV, ("--uuid", OWN), False),
        (Vgpu(UUID_A, UUID_A, type_id="i915-GVTg_V5_4", driver="intel_vgpu_mdev"), (), False),
        (None, (), False),
    ],
)
def test_only_nvidias_vgpus_need_a_vm_uuid(vgpu: Vgpu | None, more: tuple[str, ...], needed: bool) -> None:
    assert vm_arguments.needs_uuid(parse_command_line(_qemu(*more)), vgpu) is needed


def test_vm_uuid_is_the_users_then_the_mdevs_then_a_random_one() -> None:
    def uuid_of(vgpu: Vgpu, *more: str, used: tuple[str, ...] = ()) -> str:
        name, value = vm_arguments.uuid_arguments(parse_command_line(_qemu(*more)), vgpu, used)
        assert (name, str(uuid.UUID(value))) == ("-uuid", value.lower())
        return value

    smbios = ("-smbios", f"type=1,manufacturer=a,,b,uuid={OWN}", "-smbios", "type=2,uuid=no")
    assert uuid_of(NVIDIA_MDEV, *smbios) == OWN
    assert uuid_of(NVIDIA_MDEV) == UUID_A
    assert uuid_of(NVIDIA_MDEV, used=(UUID_A,)) != UUID_A
    assert uuid_of(NVIDIA_FUNCTION) != uuid_of(NVIDIA_FUNCTION)


def test_only_free_vgpu_is_the_default(host: Host) -> None:
    with pytest.raises(AmbiguousTarget) as caught:
        _chosen(host, _qemu())
    # Without the vGPU whose driver is known to have no display.
    assert caught.value.candidates == (UUID_A, UUID_B)
    host.process(80, "qemu-system-x86", files={9: "/dev/vfio/1"})
    assert _chosen(host, _qemu()) == (UUID_B, True)
    assert _chosen(host, _qemu("-device", "virtio-net-pci")) == (UUID_B, True)
    host.process(81, "qemu-system-x86", files={9: "/dev/vfio/2"})
    with pytest.raises(NoSuchDevice, match="no free vGPU"):
        _chosen(host, _qemu())


@pytest.mark.parametrize(
    ("device", "asked", "kind", "says"),
    [
        (None, "ffff", NoSuchDevice, "no vGPU ffff"),
        (None, "83b8", AmbiguousTarget, "fits 2 vGPUs"),
        (f"vfio-pci,sysfsdev={BUS}/ffffffff-2222-3333-4444-555555555555", None, NoSuchDevice, "command line names"),
    ],
)
def test_missing_vgpu_is_reported_before_the_start(
    host: Host, device: str | None, asked: str | None, kind: type[MdevviewError], says: str
) -> None:
    with pytest.raises(kind, match=says):
        _chosen(host, _qemu(*(["-device", device] if device else [])), asked)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "after --"),
        (["sudo", "qemu-system-x86_64"], "sudo cannot start"),
        (["/usr/bin/pkexec", "qemu-system-x86_64"], "pkexec"),
        (_qemu("-daemonize"), "--keep-running"),
        (_qemu("--daemonize"), "--keep-running"),
    ],
)
def test_command_line_whose_process_would_not_be_the_vm_is_refused(arguments: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        vm_arguments.check_arguments(arguments, parse_command_line(arguments))


def test_programs_that_become_the_vm_may_stand_before_it() -> None:
    arguments = ["env", "LANG=C", "nice", "-n", "5", *_qemu("-drive", "file=-daemonize")]
    vm_arguments.check_arguments(arguments, parse_command_line(arguments))


@pytest.mark.parametrize(
    ("more", "has"),
    [
        ([], False),
        (["-qmp", "unix:/run/vm.sock,server=on,wait=off"], True),
        (["-monitor", "stdio"], False),
        (["-qmp", "stdio"], False),
        (["-chardev", "socket,id=c,path=/run/vm.sock,server=on,wait=off", "-mon", "c,mode=control"], True),
    ],
)
def test_monitor_is_added_where_there_is_none_to_connect_to(more: list[str], has: bool) -> None:
    assert vm_arguments.has_monitor(parse_command_line(_qemu(*more))) is has


_FOLDERS = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1)


@given(folder=_FOLDERS, fds=st.none() | st.builds(vm_arguments.PassedFds, st.integers(3, 99), st.integers(3, 99)))
def test_added_arguments_are_parsed_as_they_were_meant(folder: str, fds: vm_arguments.PassedFds | None) -> None:
    """Also with commas, blanks and quotes in a path."""
    sysfs, socket = Path("/sys") / folder / UUID_A, Path("/run") / folder / "qmp"
    arguments = _qemu() + vm_arguments.device_arguments(sysfs, fds) + vm_arguments.monitor_arguments(socket)
    command = parse_command_line(arguments)
    (device,) = command.vfio_devices
    assert (device.vfio_name, device.properties["sysfsdev"]) == (UUID_A, str(sysfs))
    assert device.properties["display"] == "off"
    assert command.monitors[0].address == UnixAddress(str(socket))
    if fds is None:
        assert not command.has("object")
    else:
        assert device.properties["fd"] == str(fds.device)
        assert f"iommufd,id={device.properties['iommufd']},fd={fds.iommufd}" in arguments
