"""``python -m tests.lab``: boot the real drivers and run the device tests in there; with ``xen``, boot Xen.

The last line is ``N passed, N failed, N skipped``. The exit status is 0, 1 for failures, or 77 if the machine lacks
something and the lab is not required (see `tests.lab.gate`).
"""

import argparse
import compileall
import os
import platform
import shlex
import shutil
import signal
import sys
import time
from pathlib import Path

from tests.lab import drivers, edits, gate, kernel, replayed, report, vm
from tests.lab.xen import run as xen

REPOSITORY = Path(__file__).resolve().parents[2]
_MEMORY_FOR_TWO = 12 << 30


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
    machines = [folder / f"machine-{number}" for number in range(1, _machines(options) + 1)]
    for machine in machines:
        for place, names in (("modules", drivers.MODULES), ("lookalikes", drivers.LOOKALIKES)):
            (machine / place).mkdir(parents=True)
            for name in names:
                shutil.copy(built / f"{name}.ko", machine / place)
    (folder / "claims").mkdir()
    building = time.monotonic() - started
    kvm = vm.kvm_works(chosen, path, work)
    # The guest cannot write to this tree, and is slow: the host compiles the modules.
    for code in ("app", "gl", "ui", "tests", "packaging/launcher"):
        compileall.compile_dir(REPOSITORY / code, quiet=2)

    accelerator = "KVM" if kvm else "emulated"
    print(
        f"lab: {chosen.version} ({accelerator}), drivers ready in {building:.1f} s, booting {len(machines)}", flush=True
    )
    scripts = {
        machine: shlex.join(_inside(machine, options.pytest, from_end=machine is not machines[0]))
        for machine in machines
    }
    ends = vm.boot(chosen, path, kvm, scripts, folder, options.timeout)

    parts = [report.read(machine) for machine in machines]
    results = report.joined(parts)
    heading = [f"kernel {chosen.version}, {accelerator}, {os.cpu_count()} CPUs, Python {platform.python_version()}"]
    heading.append(f"drivers ready in {building:.1f} s")
    troubles = []
    for machine, ended, part in zip(machines, ends, parts, strict=True):
        found = report.trouble(machine, ended, part) or replayed.trouble(machine)
        troubles += [f"{machine.name}: {found}"] if found else []
        reached = machine / "reached"
        boot = reached.read_text().strip() if reached.is_file() else "?"
        heading.append(f"{machine.name}: boot to script {boot} s, whole guest {ended.seconds:.0f} s, {part.summary()}")
    if not troubles and gate.required() and results.count("skipped"):
        troubles = ["a test was skipped, and the lab is required"]
    heading += [f"TROUBLE: {each}" for each in troubles]
    written = report.write(folder, heading, results)
    failed = bool(troubles or results.count("failed"))
    print(written.read_text() if failed else "\n".join(heading))
    print(f"lab: {written}\n{results.summary()}")
    return int(failed)


def _machines(options: argparse.Namespace) -> int:
    """Two share the tests, where nobody chooses tests and the host has the memory: one alone lets a CPU idle."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 2 if not options.pytest and memory >= _MEMORY_FOR_TWO else 1


def _inside(folder: Path, extra: list[str], *, from_end: bool) -> list[str]:
    settings = {
        "MDEVVIEW_IN_LAB": "1",
        "MDEVVIEW_LAB_REPORT": str(folder),
        "MDEVVIEW_LAB_CLAIMS": str(folder.parent / "claims"),
        "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'packaging/launcher'}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if from_end:
        settings["MDEVVIEW_LAB_FROM_END"] = "1"
    if gate.required():
        settings["CI"] = "true"  # the guest's own gate
    return [
        *("env", f"--chdir={REPOSITORY}", *(f"{key}={value}" for key, value in settings.items())),
        *(sys.executable, "-m", "pytest"),
        # The first two would write into the tree, which is read-only in the guest; the third takes a second to start.
        *("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:xdist"),
        *("-p", "tests.lab.noted", "-p", "tests.lab.claims"),
        *("-v", "tests/lab/inside", *extra),
    ]


if __name__ == "__main__":
    sys.exit(main())
