"""The file with the keys that the user changed."""

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.window.actions import key_rules, keys_file
from ui.window.actions.actions import KEYED
from ui.window.actions.shortcuts import Shortcuts, default_keys


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "mdevview"
    folder.mkdir()
    return folder / "keys.ini"


def test_what_is_saved_comes_back_and_only_changes_are_in_the_file(file: Path) -> None:
    keys = default_keys() | {"grab": ("Meta+F8", "Ctrl+Alt+;"), "copy": (), "playback-step": ("Ctrl+Alt+/",)}
    assert keys_file.save(keys) == ""
    lines = [each for each in file.read_text().splitlines() if each and not each.startswith("#")]
    assert sorted(lines) == ["[Keys]", "copy=", "grab=Meta+F8; Ctrl+Alt+;", "playback-step=Ctrl+Alt+/"]
    assert Shortcuts(keys_file.load()).all() == keys


def test_a_key_of_the_file_is_taken_from_the_action_that_has_it_by_default(file: Path) -> None:
    file.write_text("[Keys]\nfullscreen = ctrl+alt+g\n")
    shortcuts = Shortcuts(keys_file.load())
    assert shortcuts.keys("fullscreen") == ("Ctrl+Alt+G",)
    assert shortcuts.keys("grab") == () and shortcuts.how("grab") == "Input > Grab keyboard and pointer"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[Keys]\ngrab=G\n", "G has no Ctrl, Alt or Meta: it would be taken from the guest"),
        ("[Keys]\ngrab=Ctrl+Nonsense\n", "Ctrl+Nonsense is no key"),
        ("[Keys]\ncopy=Meta+F8\ngrab=Meta+F8\n", "Meta+F8 is the key of copy"),
        ("[Keys]\nfly=Ctrl+F\n", "fly is no action"),
        ("no INI file", "it is no INI file"),
        ("[Keys]\n" + "x" * 9000, "has more than 8192 bytes"),
        ("[Keys]\ngrab=\x1b[31m\n", "is no key"),
    ],
)
def test_a_spoilt_file_leaves_the_defaults_and_one_log_line(
    text: str, why: str, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text(text)
    with caplog.at_level(logging.INFO):
        keys = keys_file.load()
    (record,) = caplog.records
    assert why in record.getMessage() and "\x1b" not in record.getMessage()
    assert Shortcuts(keys).keys("grab") == ("Ctrl+Alt+G",)


def test_a_folder_that_cannot_be_written_is_told(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.mkdir()
    with caplog.at_level(logging.INFO):
        assert keys_file.save(default_keys()).startswith("The keys were not saved: ")
    assert len(caplog.records) == 1


_KEYS = st.lists(
    st.sampled_from(
        ["Ctrl+Alt+G", "g", "Meta+F8", "F11", "Ctrl+Alt+,", "Ctrl+Alt+;", "Ctrl+Alt+R", "F10", "", "=", "x; y"]
    ),
    max_size=5,
)
_NAMES = [*(each.key for each in KEYED[:9]), "release", "menus", "fly", "[Keys]", "#"]
_LINES = st.tuples(st.sampled_from(_NAMES), _KEYS)


@given(st.lists(_LINES, max_size=12))
def test_whatever_is_in_the_file_no_key_has_two_meanings(lines: list[tuple[str, list[str]]]) -> None:
    text = "[Keys]\n" + "\n".join(f"{name}={'; '.join(keys)}" for name, keys in lines)
    try:
        found, _ignored = keys_file.parse_keys(text)
    except ValueError:
        return
    keys = Shortcuts(found).all()
    used = [key for each in keys.values() for key in each]
    assert len(set(used)) == len(used) and not any(key_rules.problem(each) for each in used)
    assert not key_rules.without_way_back(keys)
    again, ignored = keys_file.parse_keys(keys_file.keys_text(keys))
    assert Shortcuts(again).all() == keys and not ignored
