"""What no test may leave behind: file descriptors, threads, log lines of level warning or above."""

import logging
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

_ENDING_S = 10.0

# A shell lets what it starts in the background ignore SIGINT. The programs that tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """The labs run without hypothesis, whose import takes seconds there."""
    if config.pluginmanager.hasplugin("hypothesispytest"):
        from hypothesis import settings  # noqa: PLC0415

        # How long an example takes depends on the machine, and is never a failure.
        # CI tries the same examples each time; others are tried wherever the tests run.
        settings.register_profile("mdevview", deadline=None, derandomize=os.environ.get("CI") == "true")
        settings.load_profile("mdevview")


def open_files() -> Counter[str]:
    """What this process has open, by what each fd leads to; sockets and pipes by kind."""
    links: Counter[str] = Counter()
    for fd in os.listdir("/proc/self/fd"):
        try:
            link = str(Path(f"/proc/self/fd/{fd}").readlink())
        except FileNotFoundError:
            continue
        # Drivers open the files of their shader caches at any time: Mesa's, and NVIDIA's with the first shader.
        if "/mesa_shader_cache" not in link and "/nvidia/GLCache/" not in link:
            links[link.split(":[", maxsplit=1)[0]] += 1
    return links


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache directory for this run: no test depends on what drivers survived before.

    Mesa keeps its own cache, because compiling its shaders again takes seconds.
    """
    mesa = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        if "MESA_SHADER_CACHE_DIR" not in os.environ:
            patch.setenv("MESA_SHADER_CACHE_DIR", mesa)
        yield


@pytest.fixture(scope="session")
def long_lived() -> None:
    """What tests share for the whole run. A folder with such fixtures overrides this, so that they start first."""


@pytest.fixture(autouse=True)
def nothing_is_left_open(long_lived: None) -> Iterator[None]:
    """Fails a test that leaves a fd or a thread."""
    files, threads = open_files(), set(threading.enumerate())
    yield
    # A thread that has done its work may still be about to end.
    until = time.monotonic() + _ENDING_S
    while (left := open_files() - files) or not set(threading.enumerate()) <= threads:
        if time.monotonic() > until:
            break
        time.sleep(0.01)
    assert not left, f"left open: {dict(left)}"
    assert set(threading.enumerate()) <= threads, "a thread was left running"


@pytest.fixture(autouse=True)
def no_unexpected_log_lines(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A warning is a finding: a test that provokes one on purpose clears ``caplog`` after looking at it."""
    caplog.set_level(logging.INFO)
    yield
    loud = [each.getMessage() for each in caplog.get_records("call") if each.levelno >= logging.WARNING]
    assert not loud, f"unexpected log lines: {loud}"


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a session bus without a desktop."""
    # Imported here: few tests need Qt's D-Bus.
    from tests.gate import need_programs  # noqa: PLC0415
    from tests.screen_saver import session_bus  # noqa: PLC0415

    need_programs("dbus-daemon")
    with session_bus(tmp_path_factory.mktemp("bus")) as address:
        yield address
