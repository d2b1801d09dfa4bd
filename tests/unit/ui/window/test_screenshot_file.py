"""Where pictures go."""

import os
import pwd
from pathlib import Path

import pytest

from ui.window.screenshot_file import pictures_directory


def test_a_user_without_a_home_has_a_place_for_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: int) -> None:
        raise KeyError("no such user")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert pictures_directory().is_dir()


def test_root_puts_no_picture_into_the_home_of_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = tmp_path.stat()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(Path, "stat", lambda _: os.stat_result((*status[:4], 1000, *status[5:])))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert pictures_directory() == Path("/root")
