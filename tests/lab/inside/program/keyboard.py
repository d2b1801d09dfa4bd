"""Uses the window of :mod:`tests.lab.inside.program.driven`: keys of a US keyboard, buttons, rows of menus."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt

from tests.lab.inside.program.command import PATIENCE_S

# In linux/input-event-codes.h the keys of a row have successive numbers, from left to right.
_ROWS = ((2, "1234567890-="), (16, "qwertyuiop[]"), (30, "asdfghjkl;'`"), (44, "zxcvbnm,./"), (57, " "))
_CODES = {character: first + place for first, row in _ROWS for place, character in enumerate(row)}
_SHIFTED = dict(zip('!@#$%^&*()_+{}:"~<>?', "1234567890-=[];'`,./", strict=True))
_NAMED = {"esc": (1, Qt.Key.Key_Escape, "\x1b"), "ret": (28, Qt.Key.Key_Return, "\r")}
_SHIFT = 42

Key = tuple[int, int, str, bool]


def strokes(character: str) -> list[Key]:
    """Press and release of the key of a character, with Shift if needed, or of a named key."""
    if character in _NAMED:
        code, named, text = _NAMED[character]
        return [(code, named.value, text, True), (code, named.value, "", False)]
    plain = _SHIFTED.get(character, character.lower())
    key = ord(character.upper())
    stroke: list[Key] = [(_CODES[plain], key, character, True), (_CODES[plain], key, "", False)]
    if plain == character:
        return stroke
    shift = Qt.Key.Key_Shift.value
    return [(_SHIFT, shift, "", True), *stroke, (_SHIFT, shift, "", False)]


class DrivenWindow:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def press(self, *characters: str) -> float | None:
        """Press keys and wait until the window draws another picture. Returns the milliseconds, None at a timeout."""
        took: float | None = self._ask([key for each in characters for key in strokes(each)])
        return took

    def click(self, button: str) -> list[str] | None:
        """Click a button of the page in place of the picture. Returns the texts of the page, None at a timeout."""
        said: list[str] | None = self._ask({"button": button})
        return said

    def choose(self, row: str) -> None:
        """Choose a row of the menus, by its key in ui/window/actions/actions.py."""
        assert self._ask({"row": row}), f"{row} cannot be chosen"

    def _ask(self, request: object) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@contextmanager
def driven_window(
    env: dict[str, str], part: tuple[int, int, int, int], errors: Path, *arguments: str, prefix: tuple[str, ...] = ()
) -> Iterator[DrivenWindow]:
    """A window that is used as a person does. ``part`` is what is compared: x, y, width, height in pixels."""
    module = "tests.lab.inside.program.driven"
    command = [*prefix, sys.executable, "-m", module, ",".join(map(str, part)), "-v", "view", *arguments]
    pipe = subprocess.PIPE
    with errors.open("wb") as output:
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=output, env=os.environ | env, text=True)
    try:
        yield DrivenWindow(process)
    finally:
        process.kill()
        with suppress(BrokenPipeError):
            process.communicate(timeout=PATIENCE_S)
