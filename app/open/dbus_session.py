"""Makes a session of a console of QEMU's D-Bus display."""

from dataclasses import dataclass
from functools import partial

from app.attach.duplicates import vm_text
from app.dbus_display.access.bus_address import unix_addresses
from app.dbus_display.access.bus_lookup import BusVm, vms_on
from app.dbus_display.access.ways import Way, way_on_bus, way_to_vm
from app.dbus_display.connection.console_facts import ConsoleFacts, VmDisplayFacts
from app.dbus_display.connection.displays import DISPLAYS
from app.dbus_display.connection.document import describe_console
from app.dbus_display.connection.vm_display import VmDisplay
from app.dbus_display.controls.clipboard import DbusClipboard
from app.dbus_display.controls.input import DbusInput
from app.dbus_display.controls.resolution import UiInfoResolution
from app.dbus_display.picture.console_source import ConsoleSource
from app.diagnosis.picture.host_facts import HostFacts
from app.errors import AmbiguousTarget, DeviceBusy, MdevviewError, NoSuchDevice
from app.host.config_files import with_configs
from app.host.dbus_display import dbus_displays
from app.host.gpu import RenderNode, render_nodes
from app.host.process import has_ended
from app.host.scan import HostScan
from app.host.scanned_process import ScannedProcess
from app.host.vm import Vm
from app.host.vmm import vm_of
from app.host.wording import of_user, vm_words
from app.open.host_facts_source import HostFactsSource
from app.open.session import ConsoleChoice, Session
from app.open.target import DbusBus
from app.qemu.clipboard_agent import has_clipboard_agent
from app.qemu.display_backend import dbus_option
from app.qemu.qmp_address import QmpAddress
from app.qemu.touch_screen import has_touch_screen
from app.text.clean import clean
from app.vm.input_route import TrackedRoute, input_route


@dataclass(frozen=True, slots=True)
class _FoundVm:
    """``target`` opens it, without a console. ``vm`` is None if its process cannot be seen."""

    way: Way
    target: str
    vm: Vm | None
    started: int
    who: str


def open_vm_console(
    process: ScannedProcess, console: int | None, scan: HostScan, qmp: QmpAddress | None = None
) -> Session:
    """A session of a console of the VM in this process, None: of its only graphic one. Waits some seconds at most.

    Raises MdevviewError and OSError.
    """
    vm = with_configs(vm_of(process, scan.paths), scan.paths)
    way = way_to_vm(vm, process.started, qmp, scan.paths)
    return _open(_FoundVm(way, _target(vm, scan), vm, process.started, vm_text(vm)), console, scan, qmp)


def open_bus_console(target: DbusBus, scan: HostScan, qmp: QmpAddress | None = None) -> Session:
    """A session of a console of a VM on a bus that the user named. Waits and raises as :func:`open_vm_console`."""
    problem: MdevviewError | None = None
    for address in unix_addresses(target.address):
        try:
            found = vms_on(address, None)
        except MdevviewError as error:
            problem = problem or error
            continue
        chosen = _choose_vm(found, target, scan)
        process = _vm_process(chosen, scan)
        vm = with_configs(vm_of(process, scan.paths), scan.paths) if process is not None else None
        base = f"dbus:{target.address}" + (f",pid={chosen.pid}" if len(found) > 1 else "")
        who = vm_text(vm) if vm is not None else f"the VM on the bus {address}"
        started = process.started if process is not None else 0
        return _open(
            _FoundVm(way_on_bus(address, chosen.unique_name), base, vm, started, who), target.console, scan, qmp
        )
    assert problem is not None
    raise problem


def _open(found: _FoundVm, console: int | None, scan: HostScan, qmp: QmpAddress | None) -> Session:
    ended = partial(has_ended, found.vm.pid, found.started, scan.paths) if found.vm is not None else lambda: False
    inner = TrackedRoute(input_route(found.vm, qmp, scan.paths))
    touch = found.vm is not None and has_touch_screen(found.vm.command_line())
    facts = HostFactsSource.of(None, found.vm, inner, scan.paths).read if found.vm is not None else HostFacts
    exporter = _exporter(found.vm, scan)
    display, give_back = DISPLAYS.take(found.way.key, lambda: VmDisplay(found.way.open(), ended))
    # What may fail stands before the source: nobody would close it.
    try:
        shown = _choose_console(display.facts, console, found)
        label = _label(found, display.facts, shown)
        try:
            source = ConsoleSource(display, shown.number, give_back)
        except ValueError as error:
            raise DeviceBusy(
                f"console {shown.number} of {found.who} is open in this program already", "close its other window"
            ) from error
    except BaseException:
        give_back()
        raise
    route = TrackedRoute(DbusInput(display, shown.number, inner, touch, lambda: DISPLAYS.hold(found.way.key)))
    return Session(
        target=_target_of_console(found.target, shown.number),
        label=label,
        source=source,
        vgpu=None,
        vm=found.vm,
        resolution=UiInfoResolution(display, shown.number),
        input=route,
        describe=lambda: describe_console(display.facts, shown.number, display.state),
        ended=source.ended,
        buffers=source.buffers,
        host_facts=facts,
        exporter=exporter,
        display_facts=source.display_facts,
        consoles=lambda: _choices(display.facts, found.target, shown.number),
        clipboard=DbusClipboard(display, _no_clipboard(found.vm)),
    )


def _choose_console(facts: VmDisplayFacts, number: int | None, found: _FoundVm) -> ConsoleFacts:
    graphic = [each for each in facts.consoles if each.graphic]
    if number is not None:
        for each in facts.consoles:
            if each.number == number:
                return each
        raise NoSuchDevice(f"{found.who} has no console {number}", _known(facts, found, graphic))
    if not graphic:
        raise NoSuchDevice(f"{found.who} has no graphic console", "give it a display device, such as -device VGA")
    if len(graphic) > 1:
        raise AmbiguousTarget(
            f"{found.who} has {len(graphic)} screens: {_listed(facts, found, graphic)}",
            "give one of them as TARGET",
            tuple(_target_of_console(found.target, each.number) for each in graphic),
        )
    return graphic[0]


def _known(facts: VmDisplayFacts, found: _FoundVm, graphic: list[ConsoleFacts]) -> str:
    return (
        f"there are: {_listed(facts, found, graphic)}" if graphic else "it has no display device, such as -device VGA"
    )


def _listed(facts: VmDisplayFacts, found: _FoundVm, consoles: list[ConsoleFacts]) -> str:
    return ", ".join(
        f"{_target_of_console(found.target, each.number)} ({_console_words(facts, each)})" for each in consoles
    )


def _console_words(facts: VmDisplayFacts, console: ConsoleFacts) -> str:
    """The device of a console, and its head if the device has several."""
    label = clean(console.label) or f"console {console.number}"
    heads = sum(each.device_address == console.device_address and each.graphic for each in facts.consoles)
    return f"{label}, head {console.head}" if heads > 1 and console.graphic else label


def _choices(facts: VmDisplayFacts, target: str, shown: int) -> tuple[ConsoleChoice, ...]:
    """The graphic consoles, and the shown one."""
    return tuple(
        ConsoleChoice(
            f"Console {each.number}: {_console_words(facts, each)}",
            _target_of_console(target, each.number),
            each.number == shown,
        )
        for each in facts.consoles
        if each.graphic or each.number == shown
    )


def _target_of_console(target: str, number: int) -> str:
    return f"{target},console={number}"


def _label(found: _FoundVm, facts: VmDisplayFacts, shown: ConsoleFacts) -> str:
    vm = found.vm
    words = (vm_words(vm.name, vm.id) if vm is not None else "") or clean(facts.name)
    name = f"VM {words}{of_user(vm.uid if vm is not None else None)}" if words else found.who
    several = sum(each.graphic for each in facts.consoles) > 1 or not shown.graphic
    return f"{name}, console {shown.number}" if several else name


def _target(vm: Vm, scan: HostScan) -> str:
    return next((each.target for each in dbus_displays(scan) if each.vm.pid == vm.pid), f"pid:{vm.pid}")


def _choose_vm(found: tuple[BusVm, ...], target: DbusBus, scan: HostScan) -> BusVm:
    address = clean(target.address)
    listed = ", ".join(_bus_vm_words(target, each, scan) for each in found)
    if target.pid is not None:
        for each in found:
            if each.pid == target.pid:
                return each
        raise NoSuchDevice(
            f"process {target.pid} is no VM on the bus {address}", f"there are: {listed}" if found else "there is none"
        )
    if not found:
        raise NoSuchDevice(f"no VM is on the bus {address}", f"start one with -display dbus,addr={address}")
    if len(found) > 1:
        targets = tuple(f"dbus:{target.address},pid={each.pid}" for each in found)
        raise AmbiguousTarget(f"{len(found)} VMs are on the bus {address}: {listed}", "give one as TARGET", targets)
    return found[0]


def _bus_vm_words(target: DbusBus, vm: BusVm, scan: HostScan) -> str:
    process = _vm_process(vm, scan)
    name = process.vm_name if process is not None else None
    return f"dbus:{clean(target.address)},pid={vm.pid}" + (f" (VM {name})" if name else "")


def _vm_process(vm: BusVm, scan: HostScan) -> ScannedProcess | None:
    """The process of a VM on a bus, if it is a VMM that can be seen. The bus names its pid, which is a claim."""
    process = scan.process(vm.pid) if vm.pid is not None else None
    return process if process is not None and process.is_vmm else None


def _no_clipboard(vm: Vm | None) -> str:
    """Why the VM cannot share its clipboard; empty if it can, or if that is not known."""
    if vm is None or has_clipboard_agent(vm.command_line()):
        return ""
    return "no channel to an agent: the guest needs one, -chardev qemu-vdagent,clipboard=on"


def _exporter(vm: Vm | None, scan: HostScan) -> RenderNode | None:
    """The GPU on which the VM draws, if its command line names it."""
    option = dbus_option(vm.command_line()) if vm is not None else None
    if option is None or not option.gl or option.render_node is None:
        return None
    return next((each for each in render_nodes(scan.paths) if str(each.node) == option.render_node), None)
