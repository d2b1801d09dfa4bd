"""The bar below the picture of a recording: pause, step, speed and position."""

from collections.abc import Callable

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QComboBox, QLabel, QMainWindow, QSlider, QToolBar

from app.open.session import Playback
from ui.window.actions.actions import PLAYBACK, KeySpec
from ui.window.actions.shortcuts import shared

_MS = 1_000_000
_SECOND = 1_000_000_000
_REFRESH_MS = 100
_BACK_NS = _SECOND
_SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
_MAX = "as fast as possible"


class PlaybackBar(QToolBar):
    """Shows and controls what is played; hidden where nothing is. All but the speed works by keys, too.

    ``again_wanted``: the recorded device is gone, and the user wants to see the recording again.
    """

    again_wanted = pyqtSignal()

    def __init__(self, window: QMainWindow) -> None:
        super().__init__("Playback", window)
        self._playback: Playback | None = None
        self._gone = False
        self.setMovable(False)
        handlers = (self._toggle, self._go_back, self._go_on)
        self._actions = tuple(self._action(window, *each) for each in zip(PLAYBACK, handlers, strict=True))
        self._pause, self._back, self._step = self._actions
        shared().changed.connect(self._show_keys)
        self._show_keys()
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setAccessibleName("Position in the recording")
        self._slider.sliderMoved.connect(self._seek)
        self._slider.actionTriggered.connect(lambda _action: self._seek(self._slider.sliderPosition()))
        self.addWidget(self._slider)
        self._position = QLabel()
        self._position.setContentsMargins(8, 0, 8, 0)
        self.addWidget(self._position)
        self._speed = QComboBox()
        self._speed.setAccessibleName("Speed")
        for each in _SPEEDS:
            self._speed.addItem(f"{each:g}×", each)
        self._speed.addItem(_MAX, 0.0)
        self._speed.activated.connect(self._set_speed)
        self.addWidget(self._speed)
        self._timer = QTimer(self)
        self._timer.setInterval(_REFRESH_MS)
        self._timer.timeout.connect(self._refresh)
        self.set_playback(None)

    def set_playback(self, playback: Playback | None) -> None:
        """Control this from now on; None for nothing."""
        self._playback = playback
        self._gone = False
        for action in (self._pause, self._back, self._step):
            action.setEnabled(playback is not None)
        self._slider.setEnabled(playback is not None)
        self.setVisible(playback is not None)
        if playback is None:
            self._timer.stop()
            return
        self._slider.setRange(0, min(playback.duration_ns // _MS, (1 << 31) - 1))
        self._slider.setPageStep(_BACK_NS // _MS)
        index = self._speed.findData(playback.speed)
        if index < 0:
            self._speed.insertItem(0, f"{playback.speed:g}×", playback.speed)
            index = 0
        self._speed.setCurrentIndex(index)
        self._timer.start()
        self._refresh()

    def set_gone(self) -> None:
        """What was recorded is gone: it can only be played again from the start."""
        if self._playback is not None:
            self._gone = True
            for action in (self._back, self._step):
                action.setEnabled(False)
            self._slider.setEnabled(False)
            self._refresh()

    def _action(self, window: QMainWindow, spec: KeySpec, handler: Callable[[], object]) -> QAction:
        action = QAction(spec.text, self)
        shared().bind(action, spec.key)
        action.triggered.connect(handler)
        # On the window too, because the focus is in the picture.
        window.addAction(action)
        self.addAction(action)
        return action

    def _show_keys(self) -> None:
        for spec, action in zip(PLAYBACK, self._actions, strict=True):
            keys = shared().text(spec.key)
            action.setToolTip(f"{spec.text} ({keys})" if keys else spec.text)

    def _toggle(self) -> None:
        playback = self._playback
        if playback is None:
            return
        if self._gone:
            self.again_wanted.emit()
        elif playback.paused or playback.position_ns >= playback.duration_ns:
            playback.resume()
        else:
            playback.pause()
        self._refresh()

    def _go_on(self) -> None:
        if self._playback is not None:
            self._playback.step()
            self._refresh()

    def _go_back(self) -> None:
        if self._playback is not None:
            self._playback.seek(self._playback.position_ns - _BACK_NS)
            self._refresh()

    def _seek(self, position_ms: int) -> None:
        if self._playback is not None:
            self._playback.seek(position_ms * _MS)
            self._refresh()

    def _set_speed(self, index: int) -> None:
        if self._playback is not None:
            self._playback.set_speed(self._speed.itemData(index))

    def _refresh(self) -> None:
        playback = self._playback
        if playback is None:
            return
        position, duration = playback.position_ns, playback.duration_ns
        at_end = position >= duration
        if self._gone or (at_end and not playback.paused):
            self._pause.setText("Play again")
        else:
            self._pause.setText("Play" if playback.paused else "Pause")
        if not self._slider.isSliderDown():
            self._slider.setValue(min(position // _MS, self._slider.maximum()))
        state = " — end" if at_end else ""
        self._position.setText(f"replay {_time_text(position)} / {_time_text(duration)}{state}")


def _time_text(ns: int) -> str:
    """Minutes, seconds and hundredths: "1:02.30"."""
    hundredths = ns // (10 * _MS)
    return f"{hundredths // 6000}:{hundredths // 100 % 60:02}.{hundredths % 100:02}"
