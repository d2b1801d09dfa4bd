"""Where pictures go."""

import pwd

import pytest

from ui.window.screenshot_file import pictures_directory


def test_a_user_without_a_home_has_a_place_for_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: int) -> None:
        raise KeyError("no such user")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert pictures_directory().is_dir()
