"""A window gets its geometry back; one that would be out of sight or too large is made to fit the screen."""

from PyQt6.QtCore import QRect
from PyQt6.QtWidgets import QMainWindow

from ui.window.qt_application import new_application
from ui.window.settings.geometry import Geometry, geometry_of, restore_geometry

application = new_application()
screen = application.primaryScreen()
assert screen is not None
room = screen.availableGeometry()


def restored(geometry: Geometry) -> Geometry:
    window = QMainWindow()
    restore_geometry(window, geometry)
    window.show()
    found = geometry_of(window)
    window.close()
    return found


moved = Geometry(400, 300, 50, 60)
assert restored(moved) == moved, restored(moved)
for x, y in ((-9000, 0), (0, 32767), (room.right() - 10, 0)):
    found = restored(Geometry(400, 300, x, y))
    assert (found.width, found.height) == (400, 300), found
    assert room.contains(found.x, found.y) and (found.x, found.y) != (x, y), found
# The corner is on the screen, the rest is not.
found = restored(Geometry(400, 300, room.right() - 150, room.bottom() - 80))
assert room.contains(QRect(found.x, found.y, 400, 300)), found
huge = restored(Geometry(30000, 30000, 5, 5))
assert (huge.width, huge.height) == (room.width(), room.height()), huge
largest = restored(Geometry(400, 300, 50, 60, maximized=True))
assert (largest.width, largest.height, largest.maximized) == (400, 300, True), largest
