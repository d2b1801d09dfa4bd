"""``python -m tests.lab xen``: boot Xen and run the tests of ``inside`` in dom0."""

import argparse
import os
import platform
import shlex
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.lab import gate, report
from tests.lab.compiled import PYTEST, REPOSITORY, compile_for
from tests.lab.drivers import BuildError
from tests.lab.edits import EditError
from tests.lab.kernel import find as find_sources
from tests.lab.kernel import newest_first
from tests.lab.vm import Ended
from tests.lab.xen import boot, gntdev, guest_config, initramfs, packages, vmlinux

_TESTS = "tests/lab/xen/inside"
STAGES = {
    92: "dom0 could not load Xen's modules",
    93: "xenstored did not start",
    94: "xen-init-dom0 failed",
    95: "xenconsoled did not start",
    96: "the xen-gntdev that the lab built could not be loaded",
}


@dataclass(frozen=True)
class Kernel:
    """The stock kernel of dom0 and of its guests."""

    version: str
    image: Path


def main(words: list[str]) -> int:
    options = _arguments(words)
    if gate.forbidden():
        print("lab of Xen skipped: MDEVVIEW_LAB=0")
        return gate.SKIPPED
    try:
        return _run(options)
    except gate.MissingError as error:
        if gate.required():
            print(f"lab of Xen failed: {error}", file=sys.stderr)
            return 1
        print(f"lab of Xen skipped: {error}")
        return gate.SKIPPED
    except (BuildError, EditError) as error:
        print(f"lab of Xen failed: {error}", file=sys.stderr)
        return 1


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.lab xen", description="boot Xen and run its tests in dom0")
    default = os.environ.get("MDEVVIEW_LAB_DIR", str(REPOSITORY / ".lab"))
    parser.add_argument("--dir", type=Path, default=Path(default), help="work folder (MDEVVIEW_LAB_DIR, .lab)")
    parser.add_argument("--timeout", type=float, default=900.0, help="seconds until the machine is killed")
    parser.add_argument("pytest", nargs="*", help="options for pytest in dom0, after --")
    return parser.parse_args(words)


def _run(options: argparse.Namespace) -> int:
    work: Path = options.dir.resolve()
    folder = work / "xen-report"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kernel = find_kernel()
    busybox = _busybox()
    started = time.monotonic()
    unpacked = packages.fetch(work)
    module = gntdev.build(find_sources(kernel.version), work)
    kernel_file = work / f"xen/vmlinux-{kernel.version}"
    if not kernel_file.is_file():
        kernel_file.write_bytes(vmlinux.unpack(kernel.image))
    (work / "xen/dom0.cpio").write_bytes(initramfs.dom0(kernel.version, busybox))
    (folder / "guest.cpio").write_bytes(initramfs.guest(kernel.version, busybox))
    guest_config.write(folder, "pv", "pv", kernel_file, be_alloc=0)
    guest_config.write(folder, "pvh", "pvh", kernel_file, be_alloc=1)
    guest_config.write_waited(folder, kernel_file)
    compile_for(_TESTS)
    preparing = time.monotonic() - started

    print(f"lab of Xen: {kernel.version} (emulated), ready in {preparing:.1f} s, booting", flush=True)
    machine = boot.Machine(unpacked, kernel_file, work / "xen/dom0.cpio", folder)
    command = shlex.join(_inside(options.pytest))
    ended = boot.boot(machine, REPOSITORY, command, _environment(folder, unpacked, module), options.timeout)
    return _tell(folder, ended, kernel, preparing)


def _tell(folder: Path, ended: Ended, kernel: Kernel, preparing: float) -> int:
    results = report.read(folder)
    trouble = report.trouble(folder, ended, results)
    if ended.status in STAGES:
        trouble = f"{STAGES[ended.status]}; see {folder / 'guest.txt'}"
    if not trouble and gate.required() and results.count("skipped"):
        trouble = "a test was skipped, and the lab is required"
    heading = [
        f"kernel {kernel.version}, emulated, {os.cpu_count()} CPUs, Python {platform.python_version()}",
        f"prepared in {preparing:.1f} s, dom0's script after {_seconds(folder, 'reached')} s, Xen's daemons after "
        f"{_seconds(folder, 'ready')} s, whole machine {ended.seconds:.0f} s",
        *([f"TROUBLE: {trouble}"] if trouble else []),
    ]
    written = report.write(folder, heading, results)
    failed = bool(trouble or results.count("failed"))
    print(written.read_text() if failed else "\n".join(heading))
    print(f"lab of Xen: {written}\n{results.summary()}")
    return int(failed)


def _seconds(folder: Path, name: str) -> str:
    file = folder / name
    return file.read_text().strip() if file.is_file() else "?"


def find_kernel(root: Path = Path("/")) -> Kernel:
    """The newest installed kernel with the front end of Xen's display. Raises MissingError."""
    if platform.machine() != "x86_64":
        raise gate.MissingError(f"the lab boots x86-64 kernels only, this machine is {platform.machine()}")
    folder = root / "lib/modules"
    versions = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    for version in sorted(versions, key=newest_first, reverse=True):
        image = root / f"boot/vmlinuz-{version}"
        if image.is_file() and list((folder / version).glob("kernel/drivers/gpu/drm/xen/drm_xen_front.ko*")):
            return Kernel(version, image)
    raise gate.MissingError(f"no kernel with drm_xen_front in {folder} (Debian: linux-image-amd64)")


def _busybox() -> str:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    for name in ("busybox-static", "busybox.static", "busybox"):
        found = shutil.which(name, path=path)
        if found and b"ld-linux" not in Path(found).read_bytes()[:4096]:
            return found
    raise gate.MissingError("no static busybox for the initramfs (Debian: busybox-static)")


def _environment(folder: Path, unpacked: packages.Unpacked, module: Path) -> dict[str, str]:
    tools = "/" + str(unpacked.tools.relative_to(unpacked.xen))
    settings = {
        "PATH": f"{Path(sys.executable).parent}:{tools}:/usr/sbin:/usr/bin:/sbin:/bin",
        "MDEVVIEW_IN_LAB": "1",
        "LAB_GNTDEV": str(module),
        "MDEVVIEW_LAB_REPORT": str(folder),
        "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'packaging/launcher'}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LIBGL_ALWAYS_SOFTWARE": "1",
        # Llvmpipe compiles its shaders, which takes half a minute here.
        "GALLIUM_DRIVER": "softpipe",
        "LANG": "C.UTF-8",
    }
    if gate.required():
        settings["CI"] = "true"
    return settings


def _inside(extra: list[str]) -> list[str]:
    return ["env", f"--chdir={REPOSITORY}", *PYTEST, "-v", _TESTS, *extra]
