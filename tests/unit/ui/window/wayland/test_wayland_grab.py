"""A grab on Wayland where Qt's bindings do not offer what it needs."""

import runpy

import pytest
from PyQt6 import QtCore
from PyQt6.QtGui import QGuiApplication

from ui.window.wayland import wayland_grab
from ui.window.wayland.wayland_presentation import wayland_presentation


def test_bindings_without_native_interfaces_have_neither_a_grab_nor_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyQt 6.9 of Debian 13 is built without them. The window must open all the same."""
    monkeypatch.setattr(QGuiApplication, "platformName", lambda: "wayland")
    monkeypatch.delattr(QtCore, "QNativeInterface", raising=False)
    assert wayland_grab.__file__ is not None
    module = runpy.run_path(wayland_grab.__file__)
    assert module["wayland_grab"](lambda x, y: None, lambda locked: None) is None
    assert wayland_presentation() is None
