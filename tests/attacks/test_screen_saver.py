"""A screen saver that hangs, dies or answers nonsense holds no window up, and no request to it outlives its use."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.attacks.limits import time_limit
from tests.screen_saver import ASKED, screen_saver
from tests.unit.command import REPOSITORY, run

_PROGRAM = "tests.unit.ui.window.fullscreen.programs.inhibits_blanking"


@contextmanager
def _odd(bus: str, kind: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.attacks.programs.odd_screen_saver", kind]
    env = os.environ | {"DBUS_SESSION_BUS_ADDRESS": bus}
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        *(
            (kind, ["on", "wait", "off", "wait"])
            for kind in ("yes", "negative", "gigantic", "text", "fraction", "dies")
        ),
        # The window's thread goes on while the screen saver does not answer, and the program ends.
        ("hangs", ["on", "busy", "off", "on", "busy", "off"]),
    ],
)
def test_no_answer_and_no_silence_of_a_screen_saver_ends_the_window(bus: str, kind: str, words: list[str]) -> None:
    with time_limit(20), _odd(bus, kind) as saver:
        done = run(*words, module=_PROGRAM, DBUS_SESSION_BUS_ADDRESS=bus)
        assert (done.returncode, done.stdout.splitlines()[-1], done.stderr) == (0, "False", "")
        # Beside it, at most one line says why the screen may be blanked.
        assert done.stdout.count("\n") <= 2
        assert saver.stdout is not None and saver.stdout.readline() == "inhibit\n"


def test_a_killed_window_leaves_no_request(bus: str) -> None:
    with time_limit(30), screen_saver(bus) as saver:
        assert run("on", "wait", "die", module=_PROGRAM, DBUS_SESSION_BUS_ADDRESS=bus).returncode == -9
        saver.wait_for(ASKED, "drop [8]")


def test_a_screen_saver_that_starts_again_is_asked_again(bus: str) -> None:
    command = [sys.executable, "-m", _PROGRAM, "on", "held", "lost", "held", "off"]
    env = os.environ | {"DBUS_SESSION_BUS_ADDRESS": bus}
    with (
        time_limit(40),
        subprocess.Popen(command, cwd=REPOSITORY, env=env, stdout=subprocess.PIPE, text=True) as window,
    ):
        try:
            assert window.stdout is not None
            for lines in (["held\n"], ["lost\n", "held\n", "False\n"]):
                with _odd(bus, "answers"):
                    assert [window.stdout.readline() for _ in lines] == lines
            assert window.wait(20) == 0
        finally:
            window.kill()
