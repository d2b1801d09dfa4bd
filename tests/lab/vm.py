"""Boots a kernel on this machine's own file system with virtme-ng and runs a script in it as root.

The console loses output, so everything the guest has to say goes into files of one folder that it may write to.
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
# The second view of the host's root, which guest.sh mounts again with a cache; any folder that is there will do.
SECOND_ROOT = "/mnt"


@dataclass(frozen=True)
class Ended:
    """How a boot ended. `status` is the script's exit status, None where it did not come to its end."""

    status: int | None
    seconds: float
    timed_out: bool


def find_tools() -> str:
    """The PATH to boot with. Raises MissingError with the first tool that is not there."""
    # A virtual environment that is not activated still has its tools beside the interpreter.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    wanted = {
        "vng": "from PyPI: virtme-ng",
        "virtme-run": "from PyPI: virtme-ng",
        "qemu-system-x86_64": "Debian: qemu-system-x86",
        "modprobe": "Debian: kmod",
        "file": "Debian: file",  # virtme-run looks at busybox with it
    }
    for tool, package in wanted.items():
        if shutil.which(tool, path=path) is None:
            raise MissingError(f"no {tool} ({package})")
    if not any(_static(shutil.which(name, path=path)) for name in ("busybox-static", "busybox.static", "busybox")):
        raise MissingError("no static busybox for the initramfs (Debian: busybox-static)")
    return path


def _static(program: str | None) -> bool:
    """No ELF interpreter named in the head: the plain Debian busybox has one, and an initramfs has no libc."""
    if program is None:
        return False
    with Path(program).open("rb") as file:
        return b"ld-linux" not in file.read(4096)


def kvm_works(kernel: Kernel, path: str, work: Path) -> bool:
    """Does /dev/kvm run this kernel? Nested set-ups have one that does not, so only a boot tells; asked once per boot
    of the machine."""
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
    """Run `script` (a shell command line) in the guest. `folder` is the one it may write to, under the same name."""
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
    """Run to the end or kill the whole process group; False when time ran out."""
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
    """QEMU is a grandchild and may outlive vng: end the group, also after an ordinary exit and after Ctrl-C."""
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
