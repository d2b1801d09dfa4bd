"""What the window remembers, and a file that is spoilt."""

from pathlib import Path

import pytest

from app.planes.placement import Scaling
from ui.window.settings import settings


def remembered(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    file = folder / "mdevview/window.ini"
    file.parent.mkdir()
    file.write_text(f"[General]\n{text}\n")


def test_what_was_remembered_comes_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    remembered(monkeypatch, tmp_path, "scaling=integer\nfilter=nearest")
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
def test_a_spoilt_file_is_as_none(value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    remembered(monkeypatch, tmp_path, f"scaling={value}\nfilter={value}\ngeometry={value}")
    options = settings.load()
    assert (options.scaling, options.smooth) == (Scaling.FIT, True)
