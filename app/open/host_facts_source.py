"""Reads what the host knows of the device of a session: its VM, its GPU, and the kernel's messages.

It opens no device and scans no processes. Each part has a time limit; all together take less than two seconds.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from app.diagnosis.picture.host_facts import ExporterFacts, HostFacts, RunState, VmFacts
from app.host import proc
from app.host.device_messages import NVIDIA_MANAGER, concerns
from app.host.gpu import exporting_gpu
from app.host.journal import KERNEL, read_journal
from app.host.kernel_log import read_kernel_log
from app.host.log_line import LogLine, LogRefused, log_line_text
from app.host.paths import HOST, Paths
from app.host.process import age_s_of, start_time
from app.host.vgpu import Vgpu, is_nvidia
from app.host.vm import Vm
from app.qemu.display_options import display_options
from app.text.clean import clean
from app.vm.input_route import InputRoute
from app.vm.monitor_lookup import is_libvirts, libvirt_uris
from app.vm.run_state import ask_run_state

_MOST_LINES = 8

# RunState of QEMU's qapi/run-state.json. Other words mean that the virtual CPUs are stopped for a time.
_STATES = {
    "running": RunState.RUNNING,
    "suspended": RunState.SUSPENDED,
    "shutdown": RunState.SHUT_DOWN,
    "internal-error": RunState.FAILED,
    "io-error": RunState.FAILED,
    "guest-panicked": RunState.FAILED,
    "watchdog": RunState.FAILED,
}
_PAUSED = (
    *("paused", "debug", "prelaunch", "preconfig", "inmigrate", "postmigrate", "finish-migrate"),
    *("save-vm", "restore-vm", "colo"),
)


@dataclass(frozen=True, slots=True)
class HostFactsSource:
    """``started`` is when the VM's process started, in clock ticks since boot; None if that is not known.

    With it another process that got the same pid is never taken for the VM.
    """

    vgpu: Vgpu | None
    vm: Vm | None
    started: int | None
    route: InputRoute
    paths: Paths = HOST

    @classmethod
    def of(cls, vgpu: Vgpu | None, vm: Vm | None, route: InputRoute, paths: Paths = HOST) -> Self:
        """The source of the facts about a VM that runs now."""
        started = None
        if vm is not None:
            with suppress(OSError, ValueError, IndexError):
                started = start_time(vm.pid, paths)
        return cls(vgpu, vm, started, route, paths)

    def read(self) -> HostFacts:
        """Read all facts. Any thread without an event loop of asyncio may call it, as often as it likes."""
        lines, refused = _messages(self.vgpu, self.paths)
        return HostFacts(
            vm=self._vm() if self.vm is not None else None,
            exporter=_exporter(self.vgpu, self.paths),
            kernel_lines=tuple(map(log_line_text, lines)),
            kernel_log_refused=refused,
        )

    def _vm(self) -> VmFacts:
        assert self.vm is not None
        state, evidence, age_s = self._state(self.vm.pid)
        line = self.vm.command_line()
        options = display_options(line, self.vgpu.name if self.vgpu is not None else None)
        return VmFacts(
            pid=self.vm.pid,
            name=self.vm.name,
            state=state,
            state_evidence=evidence,
            age_s=age_s,
            opregion=options.opregion,
            opregion_unset=options.opregion_unset,
            ramfb=options.ramfb,
            display=clean(options.display) if options.display is not None else None,
            firmware_screen=options.firmware_screen,
            libvirt=libvirt_uris(self.vm, self.paths)[0] if is_libvirts(line) else None,
        )

    def _state(self, pid: int) -> tuple[RunState | None, str, float | None]:
        """The VM's state, its evidence, and its age in seconds."""
        age_s = None
        try:
            with proc.open_folder(self.paths.proc / str(pid)) as folder:
                stat = proc.parse_stat(proc.read("stat", folder))
        except (FileNotFoundError, ProcessLookupError):
            return RunState.SHUT_DOWN, f"there is no process {pid}", None
        except (OSError, ValueError, IndexError):
            # /proc is mounted with hidepid=noaccess.
            stat = None
        if stat is not None:
            age_s = age_s_of(stat.started, self.paths)
            if stat.is_ending or stat.state in "ZX" or self.started not in (None, stat.started):
                return RunState.SHUT_DOWN, f"process {pid} has ended", None
            if stat.state in ("T", "t"):
                by = "a signal" if stat.state == "T" else "a debugger"
                return RunState.STOPPED, f"/proc/{pid}/stat: state {stat.state}, stopped by {by}", age_s
        answer = ask_run_state(self.route)
        return state_of(answer.word), answer.evidence, age_s


def state_of(word: str | None) -> RunState | None:
    """What QEMU's name of a state means; None for an unknown one."""
    if word is None:
        return None
    return _STATES.get(word, RunState.PAUSED if word in _PAUSED else None)


def _exporter(vgpu: Vgpu | None, paths: Paths) -> ExporterFacts | None:
    gpu = exporting_gpu(vgpu, paths)
    return ExporterFacts(gpu.address, gpu.driver, str(gpu.node)) if gpu is not None else None


def _messages(vgpu: Vgpu | None, paths: Paths) -> tuple[list[LogLine], str]:
    """The last lines about the device, the oldest first, and why some could not be read."""
    accept = concerns(vgpu)
    began = time.monotonic()
    refused: list[str] = []
    lines: list[LogLine] = []
    matches = [NVIDIA_MANAGER] if is_nvidia(vgpu) else []
    try:
        lines += read_kernel_log(accept, _MOST_LINES, paths)
    except LogRefused as error:
        refused.append(str(error))
        matches.append(KERNEL)
    if matches and paths == HOST:
        try:
            lines += read_journal(matches, accept, _MOST_LINES, max(0.2, 0.7 - (time.monotonic() - began)))
            # The journal has the kernel's messages, too.
            refused.clear()
        except LogRefused as error:
            refused.append(str(error))
    lines.sort(key=lambda each: -each.ago_s)
    return lines[-_MOST_LINES:], "; ".join(refused)
