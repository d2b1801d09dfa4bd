"""What the window remembers, and a file that is spoilt."""

from dataclasses import fields
from pathlib import Path

import pytest

from app.planes.placement import Rotation, Scaling
from ui.window.settings import settings
from ui.window.settings.geometry import Geometry
from ui.window.settings.settings_text import (
    LONGEST_SUBJECT,
    MOST_SUBJECTS,
    PointerMode,
    Settings,
    SettingsFile,
    file_text,
)


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def remembered(folder: Path, text: str) -> None:
    file = folder / "mdevview/window.ini"
    file.parent.mkdir()
    file.write_text(f"[General]\n{text}\n")


def test_what_was_remembered_comes_back(config: Path) -> None:
    remembered(config, "scaling=integer\nfilter=nearest")
    options = settings.load()
    assert (options.scaling, options.smooth) == (Scaling.INTEGER, False)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a, b",
        "@Invalid()",
        "@Rect(1 2 3)",
        r"@Variant(\0\0\0\x7f\0\0\0\x0ePyQt_PyObject\0\0\0\0\x3xyz)",
        r"\x110000",
    ],
)
def test_a_spoilt_file_is_as_none(value: str, config: Path) -> None:
    remembered(config, f"scaling={value}\nfilter={value}\ngeometry={value}")
    options = settings.load()
    assert (options.scaling, options.smooth) == (Scaling.FIT, True)


def test_each_vm_has_what_was_chosen_for_it(config: Path) -> None:
    turned = Settings(Scaling.ACTUAL, rotation=Rotation.LEFT, geometry=Geometry(640, 480, 1, 2))
    other = Settings(Scaling.INTEGER, menu_bar=False, pointer=PointerMode.HIDDEN)
    settings.save(turned, "VM 1", {"scaling", "rotation"})
    settings.save(other, "VM 2", {"menu_bar"})
    assert settings.load("VM 1") == turned
    assert settings.load("VM 2") == other


def test_a_new_vm_starts_with_the_last_choices_but_not_turned_nor_of_that_size(config: Path) -> None:
    shown = Settings(Scaling.ACTUAL, False, Geometry(640, 480), Rotation.LEFT, True, True, False)
    settings.save(shown, "VM 1", {"smooth", "rotation", "flip_x", "menu_bar"})
    # The scaling was not chosen in that window: it came from this VM's own settings.
    assert settings.load("VM 2") == Settings(smooth=False, menu_bar=False)


def test_an_old_file_is_read_and_its_choices_stay(config: Path) -> None:
    remembered(config, "scaling=integer\nfilter=nearest\nwidth=800\nheight=600\nx=1\ny=2\nmaximized=true")
    assert settings.load() == Settings(Scaling.INTEGER, False, Geometry(800, 600, 1, 2, maximized=True))
    settings.save(Settings(flip_x=True), "VM 1", {"flip_x"})
    assert settings.load() == Settings(Scaling.INTEGER, False, Geometry(800, 600, 1, 2, maximized=True))
    assert settings.load("VM 2") == Settings(Scaling.INTEGER, False)


def test_the_file_keeps_a_hundred_vms_and_the_oldest_go(config: Path) -> None:
    for number in range(MOST_SUBJECTS + 2):
        settings.save(Settings(flip_x=True), f"VM {number}", set())
        if number == MOST_SUBJECTS - 1:
            # Shown again: it is not the oldest any more.
            settings.save(Settings(flip_x=True), "VM 0", set())
    turned = [number for number in range(MOST_SUBJECTS + 2) if settings.load(f"VM {number}").flip_x]
    assert turned == [0, *range(3, MOST_SUBJECTS + 2)]


def test_a_full_file_of_the_longest_names_can_be_read_again(config: Path) -> None:
    longest = Settings(Scaling.INTEGER, False, Geometry(32767, 32767, -32768, -32768), Rotation.LEFT, True, True)
    names = [f"{number:0{LONGEST_SUBJECT}}" for number in range(MOST_SUBJECTS)]
    values = {each.name: getattr(longest, each.name) for each in fields(Settings)}
    settings.save(longest)
    (config / "mdevview/window.ini").write_text(
        file_text(SettingsFile(values, dict.fromkeys(names, values | {"pointer": PointerMode.HIDDEN})))
    )
    assert settings.load(names[0]).geometry == settings.load(names[-1]).geometry == longest.geometry
