"""Findings about the needs of a window: a desktop session and Qt."""

from collections.abc import Callable, Iterator, Mapping

from app.diagnosis.finding import Finding, Severity

_XCB_CURSOR = "libxcb-cursor.so.0"


def session_findings(environment: Mapping[str, str], load_library: Callable[[str], object]) -> Iterator[Finding]:
    """The window system that a window would use. Like Qt, this reads WAYLAND_DISPLAY first, then DISPLAY.

    ``load_library`` gets the file name of a library and raises OSError if it cannot be loaded.
    """
    wayland, x11 = environment.get("WAYLAND_DISPLAY"), environment.get("DISPLAY")
    if wayland:
        yield Finding("session", Severity.OK, "this is a Wayland session", f"WAYLAND_DISPLAY={wayland}")
    elif x11:
        yield Finding(
            "session",
            Severity.INFO,
            "this is an X11 session: windows import dma-bufs only if the X server has DRI3",
            f"DISPLAY={x11}",
        )
        yield from _xcb_cursor(load_library)
    else:
        yield Finding(
            "session",
            Severity.INFO,
            "no Wayland or X11 session here: list, screenshot and inspect work, windows do not",
            "neither WAYLAND_DISPLAY nor DISPLAY is set",
        )


def _xcb_cursor(load_library: Callable[[str], object]) -> Iterator[Finding]:
    """Qt's X11 plugin needs this library. Most systems do not install it by default."""
    try:
        load_library(_XCB_CURSOR)
    except OSError as error:
        yield Finding(
            "xcb-cursor",
            Severity.ERROR,
            "Qt cannot open windows under X11 without libxcb-cursor",
            str(error),
            "install libxcb-cursor0 (Fedora: xcb-util-cursor)",
        )


def toolkit_findings(has_module: Callable[[str], bool]) -> Iterator[Finding]:
    """Whether the Python modules for windows are installed. ``has_module`` gets the name of a module."""
    if not has_module("PyQt6"):
        yield Finding(
            "qt", Severity.ERROR, "PyQt6 is missing: windows cannot open", "", "install PyQt6 (pip install PyQt6)"
        )
