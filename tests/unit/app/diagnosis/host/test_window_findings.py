"""What doctor says about the desktop session and Qt."""

import pytest

from app.diagnosis.finding import Severity
from app.diagnosis.host.window_findings import platform_finding, qt_platform, session_findings, toolkit_findings


def _missing(name: str) -> object:
    raise OSError(f"{name}: cannot open shared object file")


def _unused(_name: str) -> object:
    raise AssertionError("only Qt's X11 plugin needs a library")


def test_a_wayland_session_comes_first() -> None:
    (finding,) = session_findings({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, _unused)
    assert (finding.key, finding.severity) == ("session", Severity.OK)
    assert finding.evidence == "WAYLAND_DISPLAY=wayland-0"


@pytest.mark.parametrize("environment", [{}, {"WAYLAND_DISPLAY": "", "DISPLAY": ""}])
def test_no_session_is_no_error(environment: dict[str, str]) -> None:
    (finding,) = session_findings(environment, _unused)
    assert (finding.key, finding.severity) == ("session", Severity.INFO)
    assert "windows do not" in finding.message


def test_an_x11_session_needs_a_library() -> None:
    loaded: list[str] = []
    assert [each.key for each in session_findings({"DISPLAY": ":0"}, loaded.append)] == ["session"]
    assert loaded == ["libxcb-cursor.so.0"]
    session, library = session_findings({"DISPLAY": ":0"}, _missing)
    assert session.severity is Severity.INFO
    assert (library.key, library.severity) == ("xcb-cursor", Severity.ERROR)
    assert library.evidence == "libxcb-cursor.so.0: cannot open shared object file"
    assert "libxcb-cursor0" in library.remedy


@pytest.mark.parametrize(
    ("missing", "severity", "package"),
    [
        ("PyQt6", Severity.ERROR, "PyQt6"),
        ("OpenGL", Severity.ERROR, "PyOpenGL"),
        ("numpy", Severity.ERROR, "numpy"),
        ("mcap", Severity.WARNING, "mcap"),
        ("zstandard", Severity.WARNING, "zstandard"),
    ],
)
def test_a_missing_library_is_named(missing: str, severity: Severity, package: str) -> None:
    """A command that lacks one sends its user to doctor."""
    assert list(toolkit_findings(lambda _name: True)) == []
    (finding,) = toolkit_findings(lambda name: name != missing)
    assert finding.severity is severity
    assert f"pip install {package}" in finding.remedy


@pytest.mark.parametrize(
    ("environment", "platform"),
    [
        ({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, "wayland"),
        ({"DISPLAY": ":0"}, "xcb"),
        ({"QT_QPA_PLATFORM": "xcb;wayland", "WAYLAND_DISPLAY": "wayland-0"}, "xcb"),
        ({"QT_QPA_PLATFORM": "offscreen:x=1"}, "offscreen"),
        ({}, ""),
    ],
)
def test_the_platform_that_qt_would_use(environment: dict[str, str], platform: str) -> None:
    assert qt_platform(environment) == platform


def test_a_plugin_that_cannot_be_loaded() -> None:
    document: dict[str, object] = {"qt": "6.11", "pyqt": "6.11", "plugins": ["xcb"], "error": "libxcb-icccm.so.4: no"}
    broken = platform_finding("xcb", document, "")
    assert broken is not None and broken.severity is Severity.ERROR
    assert "libxcb-icccm.so.4" in broken.evidence
    fine = platform_finding("xcb", document | {"error": None}, "")
    assert fine is not None and fine.severity is Severity.OK
    silent = platform_finding("xcb", None, "it was ended by SIGSEGV")
    assert silent is not None and silent.severity is Severity.WARNING and "SIGSEGV" in silent.evidence
    assert platform_finding("", document, "") is None
