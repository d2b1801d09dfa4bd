"""The icon of the windows: of the theme, else the program's own; seen on light and dark panels."""

import subprocess
import sys

_PROGRAM = """
from PyQt6.QtCore import QSize
from PyQt6.QtGui import QGuiApplication
from ui.window.icon import window_icon
application = QGuiApplication([])
icon = window_icon()
for size in (16, 22, 32, 48):
    image = icon.pixmap(QSize(size, size)).toImage()
    assert (image.width(), image.height()) == (size, size)
    row = [image.pixelColor(x, size // 2) for x in range(size)]
    lit = [each.lightness() for each in row if each.alpha() == 255]
    # The pointer, on a screen that differs from it; the frame differs from white and from black.
    print(size, max(lit), min(lit), image.pixelColor(size // 2, size // 16).lightness())
"""


def test_icon_has_a_pointer_and_a_frame_at_every_size() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, "-platform", "offscreen"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"QT_QPA_PLATFORM": "offscreen", "XDG_DATA_DIRS": "/nonexistent", "HOME": "/nonexistent"},
    )
    assert done.returncode == 0, done.stderr
    lines = [[int(word) for word in line.split()] for line in done.stdout.splitlines()]
    assert [each[0] for each in lines] == [16, 22, 32, 48]
    for size, lightest, darkest, frame in lines:
        assert lightest > 240 and darkest < 160, size
        assert 60 < frame < 200, size
