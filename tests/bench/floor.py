"""The C program ``floor.c``: compiled, and asked for the times of its cases."""

import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from app.measure.bench.bench_cases import BenchCase
from app.measure.bench.bench_timing import Timing

_SOURCE = Path(__file__).with_name("floor.c")
# What Debian and Ubuntu call the packages of what the compiler does not find.
_PACKAGES = {
    "EGL/": "libegl-dev",
    "GLES": "libgles-dev",
    "KHR/": "libegl-dev",
    "-lEGL": "libegl-dev",
    "-lGLESv2": "libgles-dev",
    ".h": "libc6-dev",
}
# The cases that the program does too.
CASES = frozenset(("cached", "composite", "reimport", "copy", "region", "region-vanishing", "capture"))


class NoFloor(Exception):
    """The program cannot be built or does not run; the text says what is missing."""


class Floor:
    """The running program, built in ``folder``. Raises :class:`NoFloor`."""

    def __init__(self, folder: Path) -> None:
        program = _build(folder)
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.renderer = self._read()

    def time(self, case: BenchCase, seconds: float) -> Timing:
        """Time a case for ``seconds``. Raises :class:`NoFloor` if this machine does not do it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{case.name} {case.target_width} {case.target_height} {seconds}\n")
        self._process.stdin.flush()
        answer = self._read()
        if answer.startswith("unavailable"):
            raise NoFloor(answer)
        p50, p99, cpu, count = answer.split()
        return Timing(float(p50), float(p99), float(cpu), int(count))

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise NoFloor(f"the C program ended with {self._process.wait()}")
        return line.strip()

    def close(self) -> None:
        """End the program; more calls do nothing."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _build(folder: Path) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        raise NoFloor("there is no C compiler: install gcc")
    program = folder / "floor"
    command = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(_SOURCE), "-lEGL", "-lGLESv2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoFloor(_missing(done.stderr))
    return program


def _missing(errors: str) -> str:
    """What a failed compilation needs."""
    for line in errors.splitlines():
        if "No such file" in line or "cannot find" in line:
            package = next((name for part, name in _PACKAGES.items() if part in line), None)
            if package is not None:
                return f"install {package}: {line.strip()}"
    return errors.strip()
