"""``python -m tests.lab``: boot the real drivers and run the device tests in there; with ``xen``, boot Xen.

The last line is ``N passed, N failed, N skipped``. The exit status is 0, 1 for failures, or 77 if the machine lacks
something and the lab is not required (see `tests.lab.gate`).
"""

import argparse
import os
import platform
import shlex
import shutil
import signal
import sys
import time
from pathlib import Path

from tests.lab import drivers, edits, gate, kernel, replayed, report, vm
from tests.lab.compiled import PYTEST, REPOSITORY, compile_for
from tests.lab.xen import run as xen

_TESTS = "tests/lab/inside"


def main() -> int:
    # SIGTERM must end the guest too, which is in another session.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if sys.argv[1:2] == ["xen"]:
        return xen.main(sys.argv[2:])
    options = _arguments()
    if gate.forbidden():
        print("lab skipped: MDEVVIEW_LAB=0")
        return gate.SKIPPED
    try:
        return _run(options)
    except gate.MissingError as error:
        if gate.required():
            print(f"lab failed: {error}", file=sys.stderr)
            return 1
        print(f"lab skipped: {error}")
        return gate.SKIPPED
    except (drivers.BuildError, edits.EditError) as error:
        print(f"lab failed: {error}", file=sys.stderr)
        return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__.splitlines()[0].split(": ")[1])
    default = os.environ.get("MDEVVIEW_LAB_DIR", str(REPOSITORY / ".lab"))
    parser.add_argument("--dir", type=Path, default=Path(default), help="work folder (MDEVVIEW_LAB_DIR, .lab)")
    parser.add_argument("--kernel", help="version of the kernel to boot (default: the newest that is complete)")
    parser.add_argument("--timeout", type=float, default=3300.0, help="seconds until the guest is killed")
    parser.add_argument("pytest", nargs="*", help="options for pytest in the guest, after --")
    return parser.parse_args()


def _run(options: argparse.Namespace) -> int:
    work: Path = options.dir.resolve()
    folder = work / "report"
    shutil.rmtree(folder, ignore_errors=True)
    chosen = kernel.find(options.kernel)
    path = vm.find_tools()

    started = time.monotonic()
    built = drivers.build(chosen, work)
    for place, names in (("modules", drivers.MODULES), ("lookalikes", drivers.LOOKALIKES)):
        (folder / place).mkdir(parents=True)
        for name in names:
            shutil.copy(built / f"{name}.ko", folder / place)
    building = time.monotonic() - started
    kvm = vm.kvm_works(chosen, path, work)
    compile_for(_TESTS)

    accelerator = "KVM" if kvm else "emulated"
    print(f"lab: {chosen.version} ({accelerator}), drivers ready in {building:.1f} s, booting", flush=True)
    ended = vm.boot(chosen, path, folder, kvm, shlex.join(_inside(folder, options.pytest)), options.timeout)

    results = report.read(folder)
    trouble = report.trouble(folder, ended, results)
    if not trouble:
        trouble = replayed.trouble(folder)
    if not trouble and gate.required() and results.count("skipped"):
        trouble = "a test was skipped, and the lab is required"
    reached = folder / "reached"
    boot = reached.read_text().strip() if reached.is_file() else "?"
    heading = [
        f"kernel {chosen.version}, {accelerator}, {os.cpu_count()} CPUs, Python {platform.python_version()}",
        f"drivers ready in {building:.1f} s, boot to script {boot} s, whole guest {ended.seconds:.0f} s",
        *([f"TROUBLE: {trouble}"] if trouble else []),
    ]
    written = report.write(folder, heading, results)
    failed = bool(trouble or results.count("failed"))
    print(written.read_text() if failed else "\n".join(heading))
    print(f"lab: {written}\n{results.summary()}")
    return int(failed)


def _inside(folder: Path, extra: list[str]) -> list[str]:
    settings = {
        "MDEVVIEW_IN_LAB": "1",
        "MDEVVIEW_LAB_REPORT": str(folder),
        "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'packaging/launcher'}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if gate.required():
        settings["CI"] = "true"  # the guest's own gate
    return [
        *("env", f"--chdir={REPOSITORY}", *(f"{key}={value}" for key, value in settings.items())),
        *(*PYTEST, "-v", _TESTS, *extra),
    ]


if __name__ == "__main__":
    sys.exit(main())
