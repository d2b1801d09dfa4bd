"""A window takes the size of the guest's picture, until the user or the desktop says another one."""

from tests.unit.ui.window.zoom.programs.window_with_mode import OFF, Window, settle
from ui.window.qt_application import new_application
from ui.window.settings.geometry import Geometry

application = new_application()
screen = application.primaryScreen()
assert screen is not None
room = screen.availableGeometry()
assert (room.width(), room.height()) == (800, 800), room

window = Window(640, 480)
assert window.size == (640, 480), window.size
window.picture.set_mode(720, 400)
assert window.size == (720, 400), window.size
window.trigger("rotate-90")
assert window.size[0] < 400 and window.size[1] < 720, window.size
assert abs(window.size[0] / window.size[1] - 400 / 720) < 0.01, window.size
window.trigger("rotate-0")
# The picture keeps its size when a bar goes.
window.trigger("status-line")
assert window.size == (720, 400), window.size
# Larger than the screen: all of the window is on it, in the guest's shape.
window.picture.set_mode(1920, 1080)
whole = window.window.frameGeometry()
assert whole.width() <= 800 and abs(window.size[0] / window.size[1] - 16 / 9) < 0.01, (whole, window.size)
window.trigger("actual")
window.picture.set_mode(1920, 1200)
assert window.window.width() <= 800 and window.window.height() <= 800, window.window.size()
window.trigger("fit")
# Neither fullscreen nor maximised is the user's size.
window.picture.set_mode(640, 480)
for there, back in (("showFullScreen", "showNormal"), ("showMaximized", "showNormal")):
    getattr(window.window, there)()
    settle()
    window.picture.set_mode(720, 400)
    getattr(window.window, back)()
    settle()
    assert window.size == (720, 400), (there, window.size)
    window.picture.set_mode(640, 480)
    assert window.size == (640, 480), (there, window.size)
assert not window.has_size_of_user()
window.user_resizes(700, 500)
window.picture.set_mode(720, 400)
assert (window.window.width(), window.window.height()) == (700, 500), window.window.size()
assert window.has_size_of_user()
window.close()

# The guest comes later.
window = Window()
assert window.window.width() <= 800 and window.window.height() <= 800, window.window.size()
window.picture.set_mode(640, 480)
assert window.size == (640, 480), window.size
# A guest that follows the window is not followed: no loop.
window.window.resolution.follow(True)
window.picture.set_mode(720, 400)
assert window.size == (640, 480), window.size
window.window.resolution.follow(False)
window.picture.mode_frame = OFF
window.picture.state_changed.emit()
window.picture.set_mode(720, 400)
assert window.size == (640, 480), window.size
window.picture.set_mode(640, 400)
assert window.size == (640, 400), window.size
window.close()

# A size from the settings wins, no smaller than can be used.
window = Window(640, 480, geometry=Geometry(500, 450))
assert (window.window.width(), window.window.height()) == (500, 450), window.window.size()
window.picture.set_mode(720, 400)
assert (window.window.width(), window.window.height()) == (500, 450), window.window.size()
window.close()
window = Window(640, 480, geometry=Geometry(160, 120))
assert window.window.width() >= 320 and window.window.height() >= 240, window.window.size()
window.close()
