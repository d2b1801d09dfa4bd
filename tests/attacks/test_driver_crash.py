"""A graphics driver that dies, hangs or goes mad on an import takes nothing down with it.

The driver is Mesa's with another import (programs/hostile_egl.c).
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from app.sim.profile import open_simulated
from tests.gate import need_programs
from tests.unit.command import REPOSITORY
from tests.window.displays import Display, load_png, weston
from tests.window.viewer import Viewer

SPEC = "gvt,fps=0,size=320x200,cursor=off"
_PROGRAMS = Path(__file__).parent / "programs"
_MODULE = "tests.attacks.programs.small_trials"
# Generous: a start takes 1.5 s of CPU, and a busy machine may give it little of that in a minute.
_PATIENCE_S = 180.0


@dataclass(frozen=True)
class HostileDriver:
    """``env`` makes a program use the driver and an empty cache."""

    env: dict[str, str]
    log: Path

    def imports(self) -> list[int]:
        """The process of each import so far."""
        return [int(each) for each in self.log.read_text().split()]

    def mode(self, mode: str) -> dict[str, str]:
        """The environment in which an import does this."""
        return self.env | {"HOSTILE_EGL": mode}


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver as libglvnd finds it."""
    need_programs("gcc")
    folder = tmp_path_factory.mktemp("hostile-egl")
    library, vendor = folder / "libEGL_hostile.so", folder / "vendor.json"
    source = str(_PROGRAMS / "hostile_egl.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(library), source, "-ldl"], check=True)
    document = {"file_format_version": "1.0.0", "ICD": {"library_path": str(library)}}
    vendor.write_text(json.dumps(document))
    return vendor


@pytest.fixture
def driver(library: Path, tmp_path: Path) -> HostileDriver:
    log = tmp_path / "imports"
    log.touch()
    env = {
        "__EGL_VENDOR_LIBRARY_FILENAMES": str(library),
        "HOSTILE_EGL_LOG": str(log),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    return HostileDriver(env, log)


@pytest.fixture(scope="module")
def wayland() -> Iterator[Display]:
    need_programs("weston")
    with weston() as display:
        yield display


@pytest.fixture(scope="module")
def long_lived(wayland: Display) -> None:
    """The display starts before the fds are counted."""


def _starts(env: dict[str, str], *commands: list[str]) -> list[str]:
    """What these starts say, one after the other. None of them may fail.

    That is what is printed, and of a screenshot, which prints nothing, what it says of the picture. The others must not
    complain.
    """
    done = subprocess.run(
        [sys.executable, "-m", _MODULE],
        input=json.dumps(commands),
        cwd=REPOSITORY,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    ends = json.loads(done.stdout)
    # doctor fails where the host has no vGPU.
    assert [end for end, command in zip(ends, commands, strict=True) if end[0] and command[0] != "doctor"] == []
    shots = [command[0] == "screenshot" for command in commands]
    assert [end for end, shot in zip(ends, shots, strict=True) if end[1 if shot else 2]] == []
    return [err if shot else out for (_, out, err), shot in zip(ends, shots, strict=True)]


INSPECT = ["inspect", f"sim:{SPEC}", "--json"]

ENDS = {
    "abort": "the trial was ended by SIGABRT",
    "segfault": "the trial was ended by SIGSEGV",
    "exit": "the trial ended with status 0 and without an answer",
    "garbage": "the trial printed more than",
    "memory": "the trial used more than",
    "hang": "the trial did not end within 1 s",
}


@pytest.mark.parametrize("mode", ENDS)
def test_commands_show_the_picture_and_try_once(driver: HostileDriver, tmp_path: Path, mode: str) -> None:
    device = open_simulated(SPEC)
    expected = device.picture()
    device.close()
    file = tmp_path / "shot.png"
    said, second = _starts(driver.mode(mode), ["screenshot", f"sim:{SPEC}", "-o", str(file)], INSPECT)
    assert said.startswith(f"mdevview: sim:{SPEC}, primary plane: degraded: import-crashes-driver, {ENDS[mode]}")
    assert said.count("\n") == 1
    assert expected is not None and np.array_equal(load_png(file), expected[..., :3])
    (tried,) = driver.imports()
    assert not Path(f"/proc/{tried}").exists()

    document = json.loads(second)
    primary = document["planes"]["primary"]
    assert (document["state"], document["reason"]) == ("degraded", "import-crashes-driver")
    assert primary["path"] == "copy"
    assert ENDS[mode] in document["detail"]
    assert [ENDS[mode] in each["message"] for each in primary["import_errors"]] == [True]
    (finding,) = (each for each in document["findings"] if each["key"] == "import-crashes-driver")
    assert ENDS[mode] in finding["evidence"]


def test_another_driver_version_and_a_removed_file_are_tried_again(driver: HostileDriver, tmp_path: Path) -> None:
    env = driver.mode("abort")
    first, doctor = _starts(env, INSPECT, ["doctor", "--json"])
    assert json.loads(first)["reason"] == "import-crashes-driver"
    (path,) = (tmp_path / "cache" / "mdevview").iterdir()
    (finding,) = (each for each in json.loads(doctor)["findings"] if each["key"] == "import-crashes-driver")
    assert str(path) in finding["remedy"] and ENDS["abort"] in finding["evidence"]
    path.unlink()
    (second,) = _starts(env, INSPECT)
    assert json.loads(second)["reason"] == "import-crashes-driver"
    assert len(driver.imports()) == 2
    # The true driver has other strings: its answer is another.
    del env["__EGL_VENDOR_LIBRARY_FILENAMES"]
    document = json.loads(*_starts(env, INSPECT))
    assert (document["state"], document["planes"]["primary"]["path"]) == ("showing", "egl-image")


@contextmanager
def _window(display: Display, env: dict[str, str]) -> Iterator[Viewer]:
    command = [sys.executable, "-m", _MODULE, "-v", "view", f"sim:{SPEC}"]
    with subprocess.Popen(command, env=display.env | env, stderr=subprocess.PIPE, text=True) as process:
        viewer = Viewer(process)
        try:
            yield viewer
        finally:
            process.kill()
            viewer._reader.join()


@pytest.mark.parametrize("mode", ["abort", "hang"])
def test_the_window_lives_and_says_why(driver: HostileDriver, wayland: Display, mode: str) -> None:
    with _window(wayland, driver.mode(mode)) as viewer:
        # The window shows the picture by a copy while the trial runs.
        viewer.wait_for("degraded, import-on-trial, .*path: copy")
        viewer.wait_for(f"degraded, import-crashes-driver, {ENDS[mode]}.*path: copy")
        assert viewer.interrupt() == 0
        assert viewer.warnings() == []
    (tried,) = driver.imports()
    assert tried != viewer.process.pid
    with _window(wayland, driver.mode(mode)) as viewer:
        viewer.wait_for(f"degraded, import-crashes-driver, {ENDS[mode]}.*path: copy")
        assert viewer.interrupt() == 0
    assert not [each for each in viewer.lines if "import-on-trial" in each]
    assert driver.imports() == [tried], "the second start tried the import again"


def test_a_trial_ends_with_the_viewer(driver: HostileDriver, wayland: Display) -> None:
    with _window(wayland, driver.mode("hang")) as viewer:
        end = time.monotonic() + _PATIENCE_S
        while not driver.imports():
            assert viewer.process.poll() is None and time.monotonic() < end, viewer.lines
            time.sleep(0.01)
        (tried,) = driver.imports()
        viewer.process.send_signal(signal.SIGKILL)
        viewer.process.wait(_PATIENCE_S)
    try:
        # A zombie has ended: its new parent has not reaped it yet.
        end = time.monotonic() + 10
        while _state(tried) not in ("", "Z"):
            assert time.monotonic() < end, "the trial outlives the viewer"
            time.sleep(0.01)
    finally:
        with suppress(ProcessLookupError):
            os.kill(tried, signal.SIGKILL)


def _state(pid: int) -> str:
    """The state of a process in one letter (proc(5)); empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_without_a_cache_each_start_tries_again(driver: HostileDriver, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "mdevview").write_text("no folder")
    documents = map(json.loads, _starts(driver.mode("abort"), INSPECT, INSPECT))
    assert [each["reason"] for each in documents] == ["import-crashes-driver"] * 2
    assert len(driver.imports()) == 2
