"""Names and messages of others are shown as one short line of visible characters. A VM is found by its whole name."""

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.attach.helper_answer import check_answer
from app.attach.helper_request import request_fds
from app.attach.running_vm import attach_vm
from app.errors import MdevviewError, NoSuchDevice
from app.host.discovery import discover
from app.host.proc import open_folder, read_fdinfo
from app.host.screens import HostScreens
from app.host.vgpu_document import list_document
from app.host.vm import Vm
from app.host.wording import holders_text
from app.open.opening import OpenOptions, open_target
from app.open.target import Default, VmName, parse_target
from app.open.waiter import next_target
from app.planes.dmabuf import exporter_in
from app.qemu.qmp_address import UnixAddress
from app.text.clean import LONGEST_NAME
from app.vm.monitor_lookup import NoMonitor, find_monitor
from app.vm.qmp_socket_error import connect_error_text
from tests.pushed.session import pushed_session
from tests.pushed.source import PushedSource
from tests.unit.app.attach.installed_helper import maker
from tests.unit.command import run_without_display
from tests.unit.hosts import DEVICE_FD, UUID_A, Host, qemu
from tests.unit.vms import Vms, vms_on
from ui.cli import list as command
from ui.cli.output import printable

# No comma, which ends the name on QEMU's command line.
HARMFUL = "win\x1b[2J\x1b]0;root\x07\r\n\u202e01\u2066\u200b\u061c\u3164\x85\x9b"
LONG = "a" * 200_000
NAMES = {"harmful": HARMFUL, "long": LONG, "both": HARMFUL * 5000}


def assert_harmless(text: str, longest: int) -> None:
    assert len(text) <= longest
    found = {unicodedata.name(each, hex(ord(each))) for each in text if not each.isprintable() or each == "\u3164"}
    assert not found


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 1, cdev="vfio0")
    return host


@pytest.fixture
def vms(host: Host) -> Iterator[Vms]:
    yield from vms_on(host)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_list_shows_a_name_as_one_short_line(name: str, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.process(50, "qemu\x1b[2J\n\u202e", qemu(name), {20: "/dev/vfio/1", 21: DEVICE_FD})
    (vgpu,) = discover(host.scan())
    assert_harmless(holders_text(vgpu.holders), LONGEST_NAME + 60)
    table = command.table(HostScreens((vgpu,))).splitlines()
    assert len(table) == 2
    assert_harmless(table[1], LONGEST_NAME + 200)
    (holder,) = list_document(HostScreens((vgpu,)))["vgpus"][0]["holders"]
    assert_harmless(holder["vm"], LONGEST_NAME)
    assert_harmless(holder["process"], 64)
    assert json.loads(json.dumps(holder)) == holder


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_vm_is_found_by_its_whole_name_and_labelled_by_what_can_be_shown(name: str, host: Host, vms: Vms) -> None:
    vm = vms.start("qemu-system-x86", qemu(name), ["mbochs@vfio0"])
    target = parse_target(f"vm:{name}")
    session = open_target(target, host.paths, OpenOptions(access=vms.access()), host.scan())
    try:
        assert session.vm is not None and session.vm.pid == vm.pid and session.vm.name is not None
        assert_harmless(session.vm.name, LONGEST_NAME)
        assert_harmless(session.label, LONGEST_NAME + 60)
    finally:
        session.close()
    with pytest.raises(NoSuchDevice) as refused:
        attach_vm(name + "x", host.scan(), vms.access())
    assert_harmless(str(refused.value), 2 * LONGEST_NAME + 60)
    with pytest.raises(NoSuchDevice):
        attach_vm(session.vm.name, host.scan(), vms.access())


def test_the_next_start_of_a_vm_is_waited_for_by_its_whole_name() -> None:
    vm = Vm(50, "qemu", "what is shown", tuple(qemu(HARMFUL)))
    source = PushedSource()
    try:
        assert next_target(Default(), replace(pushed_session(source), vm=vm)) == VmName(HARMFUL)
    finally:
        source.close()


def test_names_in_sysfs_are_shown_as_one_short_line(host: Host) -> None:
    folder = host.paths.sys / "devices/virtual/mbochs/mbochs/mdev_supported_types/mbochs-small"
    (folder / "name").write_text(HARMFUL * 2000)
    (vgpu,) = discover(host.scan())
    assert vgpu.type_name is not None
    assert_harmless(vgpu.type_name, LONGEST_NAME)


def test_a_buffers_name_adds_no_line_to_its_fdinfo(host: Host) -> None:
    """The owner of a dma-buf names it (DMA_BUF_SET_NAME), and the kernel prints the name as it is."""
    folder = host.process(60, "qemu")
    text = "size:\t4096\nexp_name:\tmdev_mbochs\nname:\tx\nexp_name:\ti915\x0bexp_name:\ti915\n"
    (folder / "fdinfo/9").write_text(text)
    with open_folder(folder) as fd:
        assert read_fdinfo(9, fd)["exp_name"] == "mdev_mbochs"
    assert exporter_in(text.encode()) == "mdev_mbochs"
    assert exporter_in(text.encode()[:20]) is None, "cut short, it is no name"


def test_a_helper_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    with pytest.raises(MdevviewError) as refused:
        check_answer(json.dumps({"refused": HARMFUL * 3000}).encode(), 0, 0, None)
    assert_harmless(str(refused.value), 300)
    setup = maker(tmp_path)("sys.stderr.write('\\x1b[2J' + '\\u202e' * 900 + 'no'); sys.exit(1)")
    with pytest.raises(MdevviewError) as refused:
        request_fds(4711, installation=setup)
    assert_harmless(str(refused.value), 600)


def test_an_address_on_a_command_line_is_shown_as_one_short_line(host: Host) -> None:
    for path in (f"/{HARMFUL}", f"relative{HARMFUL}", "/" + LONG, HARMFUL * 3000):
        vm = Vm(50, "qemu", "a", tuple(qemu("a", "-qmp", f"unix:{path},server=on")), None)
        found = find_monitor(vm, host.paths)
        assert isinstance(found, NoMonitor)
        assert_harmless(found.reason, 400)
        assert_harmless(connect_error_text(UnixAddress(path), OSError(2, "none")), 400)


@pytest.mark.parametrize("line", [HARMFUL, "\ud800", "\U000e0041"])
def test_no_line_of_a_command_has_characters_that_cannot_be_seen(line: str) -> None:
    assert_harmless(printable(line), len(line))


def test_the_chooser_shows_a_name_as_one_short_line() -> None:
    run_without_display("tests.attacks.programs.chooser_of_long_names")


def test_the_window_shows_names_and_messages_as_plain_short_text(tmp_path: Path) -> None:
    run_without_display("tests.attacks.programs.window_of_harmful_names", XDG_CONFIG_HOME=str(tmp_path))
