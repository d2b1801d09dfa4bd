"""Boots a kernel on this machine's file system with virtme-ng, and runs a script in it as root.

The console loses output, so the guest writes all its output into files of one folder that is writable.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.lab.gate import MissingError
from tests.lab.kernel import Kernel

GUEST_SCRIPT = Path(__file__).parent / "guest.sh"
# Where the host's root is mounted a second time, which guest.sh mounts again with a cache. Any existing folder will do.
SECOND_ROOT = "/mnt"
_POLL_S = 0.2


@dataclass(frozen=True)
class Ended:
    """How a boot ended. `status` is the exit status of the script; None if the script did not end."""

    status: int | None
    seconds: float
    timed_out: bool


def find_tools() -> str:
    """The PATH to boot with. Raises MissingError with the first missing tool."""
    # The tools of a virtual environment are beside the interpreter, also if it is not activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    wanted = {
        "vng": "from PyPI: virtme-ng",
        "virtme-run": "from PyPI: virtme-ng",
        "qemu-system-x86_64": "Debian: qemu-system-x86",
        "modprobe": "Debian: kmod",
        "file": "Debian: file",  # virtme-run examines busybox with it
    }
    for tool, package in wanted.items():
        if shutil.which(tool, path=path) is None:
            raise MissingError(f"no {tool} ({package})")
    if not any(_static(shutil.which(name, path=path)) for name in ("busybox-static", "busybox.static", "busybox")):
        raise MissingError("no static busybox for the initramfs (Debian: busybox-static)")
    return path


def _static(program: str | None) -> bool:
    """Whether the program has no ELF interpreter: an initramfs has no libc, which Debian's plain busybox needs."""
    if program is None:
        return False
    with Path(program).open("rb") as file:
        return b"ld-linux" not in file.read(4096)


def kvm_works(kernel: Kernel, path: str, work: Path) -> bool:
    """Whether this kernel boots with /dev/kvm; in a nested VM it may not. Tried once per boot of the machine."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    asked = f"{kernel.version} {boot_id}"
    answers = work / "kvm.json"
    known: dict[str, bool] = json.loads(answers.read_text()) if answers.is_file() else {}
    if asked not in known:
        folder = work / "kvm-trial"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        command = _command(kernel, folder, True, "1G", 1, f"touch {folder}/booted")
        _run_all([(command, folder / "console.txt")], path, 40)
        known = {asked: (folder / "booted").is_file()}
        answers.write_text(json.dumps(known))
    return known[asked]


def boot(
    kernel: Kernel, path: str, kvm: bool, scripts: Mapping[Path, str], writable: Path, timeout: float
) -> list[Ended]:
    """Boot a guest for each folder of ``scripts``, which runs the shell command line there; all at once.

    Every guest can write to ``writable``, in which the folders are. It has the same name there.
    """
    started = time.monotonic()
    commands = []
    for folder, script in scripts.items():
        (folder / "status").unlink(missing_ok=True)
        command = f"sh {GUEST_SCRIPT} {folder} {writable} {SECOND_ROOT} {script}"
        commands.append((_command(kernel, writable, kvm, "4G", 2, command), folder / "console.txt"))
    ends = _run_all(commands, path, timeout)
    return [
        Ended(_status(folder), timeout if end is None else end - started, end is None)
        for folder, end in zip(scripts, ends, strict=True)
    ]


def _status(folder: Path) -> int | None:
    file = folder / "status"
    said = file.read_text().strip() if file.is_file() else ""
    return int(said) if said else None


def _command(kernel: Kernel, folder: Path, kvm: bool, memory: str, cpus: int, script: str) -> list[str]:
    return [
        *("vng", "--run", str(kernel.image), "--user", "root", "--memory", memory, "--cpus", str(cpus)),
        *("--force-9p", "--rwdir", str(folder), "--rodir", f"{SECOND_ROOT}=/"),
        *([] if kvm else ["--disable-kvm"]),
        *("--", script),
    ]


def _run_all(commands: Sequence[tuple[list[str], Path]], path: str, timeout: float) -> list[float | None]:
    """Run commands to their ends, with their output in these files. At the timeout kill their process groups.

    Returns the clock's seconds at each end; None for one that was killed.
    """
    until = time.monotonic() + timeout
    with ExitStack() as ending:
        processes = []
        for command, console in commands:
            output = ending.enter_context(console.open("wb"))
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PATH": path},
                start_new_session=True,
            )
            ending.callback(_end, process)
            processes.append(process)
        ends: list[float | None] = [None] * len(processes)
        while None in ends and time.monotonic() < until:
            for number, process in enumerate(processes):
                if ends[number] is None and process.poll() is not None:
                    ends[number] = time.monotonic()
            time.sleep(_POLL_S)
        return ends


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process group, also after a normal exit and Ctrl-C: QEMU is a grandchild and may outlive vng."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
