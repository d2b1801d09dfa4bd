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
from dataclasses import dataclass
from pathlib import Path

from tests.lab.gate import MissingError
from tests.lab.kernel import Kernel

GUEST_SCRIPT = Path(__file__).parent / "guest.sh"
# Where the host's root is mounted a second time, which guest.sh mounts again with a cache. Any existing folder will do.
SECOND_ROOT = "/mnt"


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
        _run(command, path, folder / "console.txt", 40)
        known = {asked: (folder / "booted").is_file()}
        answers.write_text(json.dumps(known))
    return known[asked]


def boot(kernel: Kernel, path: str, folder: Path, kvm: bool, script: str, timeout: float) -> Ended:
    """Run `script` (a shell command line) in the guest. `folder` has the same name there and is writable."""
    started = time.monotonic()
    status = folder / "status"
    status.unlink(missing_ok=True)
    command = _command(kernel, folder, kvm, "4G", 2, f"sh {GUEST_SCRIPT} {folder} {SECOND_ROOT} {script}")
    timed_out = not _run(command, path, folder / "console.txt", timeout)
    said = status.read_text().strip() if status.is_file() else ""
    return Ended(int(said) if said else None, time.monotonic() - started, timed_out)


def _command(kernel: Kernel, folder: Path, kvm: bool, memory: str, cpus: int, script: str) -> list[str]:
    return [
        *("vng", "--run", str(kernel.image), "--user", "root", "--memory", memory, "--cpus", str(cpus)),
        *("--force-9p", "--rwdir", str(folder), "--rodir", f"{SECOND_ROOT}=/"),
        *([] if kvm else ["--disable-kvm"]),
        *("--", script),
    ]


def _run(command: list[str], path: str, console: Path, timeout: float) -> bool:
    """Run the command to its end. At the timeout kill its whole process group and return False."""
    with console.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PATH": path},
            start_new_session=True,
        )
        try:
            process.wait(timeout)
            return True
        except subprocess.TimeoutExpired:
            return False
        finally:
            _end(process)


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
