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


_TOOLKITS = (
    ("qt", "PyQt6", "PyQt6", Severity.ERROR, "windows cannot open"),
    ("opengl", "OpenGL", "PyOpenGL", Severity.ERROR, "nothing can be drawn"),
    ("numpy", "numpy", "numpy", Severity.ERROR, "nothing can be drawn"),
    ("mcap", "mcap", "mcap", Severity.WARNING, "recordings can be neither made nor played"),
    ("zstandard", "zstandard", "zstandard", Severity.WARNING, "recordings can be neither made nor played"),
)


def toolkit_findings(has_module: Callable[[str], bool]) -> Iterator[Finding]:
    """The Python modules that are missing. ``has_module`` gets the name of a module."""
    for key, module, package, severity, lost in _TOOLKITS:
        if not has_module(module):
            remedy = f"install {package} (pip install {package})"
            yield Finding(key, severity, f"{package} is missing: {lost}", "", remedy)


def qt_platform(environment: Mapping[str, str]) -> str:
    """The platform whose plugin Qt would load; empty if there is no session.

    Qt reads QT_QPA_PLATFORM first, then WAYLAND_DISPLAY and DISPLAY (qguiapplication.cpp).
    """
    chosen = environment.get("QT_QPA_PLATFORM", "").partition(";")[0].partition(":")[0]
    if chosen:
        return chosen
    if environment.get("WAYLAND_DISPLAY"):
        return "wayland"
    return "xcb" if environment.get("DISPLAY") else ""


def platform_finding(platform: str, document: Mapping[str, object] | None, fault: str) -> Finding | None:
    """Whether Qt's plugin for the platform can be loaded. None if there is no platform.

    ``document`` is what the check of Qt printed, None if it gave no answer; ``fault`` says why.
    """
    if not platform:
        return None
    if document is None:
        message = "the check of Qt gave no answer"
        return Finding("qt-platform", Severity.WARNING, message, f"the process of the check: {fault}")
    plugins = document.get("plugins")
    names = ", ".join(map(str, plugins)) if isinstance(plugins, list) else ""
    evidence = f"Qt {document.get('qt')}, PyQt {document.get('pyqt')}; plugins: {names or 'none'}"
    error = document.get("error")
    if error is None:
        return Finding("qt-platform", Severity.OK, f"windows use Qt's platform {platform}", evidence)
    return Finding(
        "qt-platform",
        Severity.ERROR,
        f"Qt cannot load the plugin of its platform {platform}: windows cannot open",
        f"{error}; {evidence}",
        "install the library that is missing (Debian: apt-file search NAME names its package); "
        "unset QT_QPA_PLATFORM if you did not mean it"
        if platform in ("xcb", "wayland")
        else "unset QT_QPA_PLATFORM",
    )
