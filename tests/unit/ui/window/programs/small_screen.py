"""All windows, dialogs and menus fit on a screen that is as small as a laptop's at a scale of 1.5."""

from PyQt6.QtWidgets import QMessageBox

from app.attach.helper_fds import HelperMethod
from app.diagnosis.report.host_report import HostReport
from app.errors import MdevviewError
from app.host.dbus_display import DbusDisplay
from app.host.screens import HostScreens
from app.host.vgpu import Vgpu
from app.host.vm import Vm
from app.open.session import ConsoleChoice
from app.open.target import SIMULATED_DEFAULT
from tests.unit.ui.window.picture_without_plane import picture_without_plane
from ui.window.about import show_about
from ui.window.actions.keys_dialog import KeysDialog
from ui.window.chooser import Chooser
from ui.window.error_window import ErrorWindow
from ui.window.main_window import MainWindow
from ui.window.overview.overview_window import OverviewWindow
from ui.window.picture.view_options import ViewOptions
from ui.window.qt_application import new_application

application = new_application()
screen = application.primaryScreen()
assert screen is not None
room = screen.availableSize()
assert room.height() < 512, room
picture = picture_without_plane("a VM")
window = MainWindow(
    picture, "a VM", ViewOptions(), lambda: None, examine_host=lambda: HostReport("why", (), "the report")
)
for action in ("latency-panel", "inspector"):
    window._actions[action].setChecked(True)
inspector = window._panels.inspector
assert inspector is not None
inspector._to_own_window()
choices = tuple(ConsoleChoice(f"Console {n}: virtio-vga", f"vm:web,console={n}", n == 0) for n in range(16))
window.screens.set_consoles(lambda: choices)
window._actions["retake"].setVisible(True)
window._panels.check_host()
show_about(window, None)
keys = KeysDialog(window, window.shortcuts)
keys.open()
chooser = Chooser()
chooser.show_screens(HostScreens((Vgpu("one"),), (DbusDisplay(Vm(1, "qemu", "web", ()), p2p=True),)))
chooser.show()
error = ErrorWindow(MdevviewError("no OpenGL", "see"), None)
overview = OverviewWindow([SIMULATED_DEFAULT], HelperMethod.NEVER, lambda source: None)
application.processEvents()
shown = [each for each in application.topLevelWidgets() if each.isVisible() or each in (window, error, overview)]
sizes = {type(each).__name__: each.size() for each in shown if not isinstance(each, QMessageBox)}
menus = [each.menu() for each in window.menuBar().actions()]  # type: ignore[union-attr]
# Qt shows a menu that is taller than the screen in several columns, which cover the screen.
menus.append(window.screens._menu)
sizes |= {each.title(): each.sizeHint() for each in menus if each is not None}
overview.close()
chooser.stop()
keys.close()
error.close()
window.close()
assert len(sizes) >= 15, sizes
too_large = {name: size for name, size in sizes.items() if size != size.boundedTo(room)}
assert not too_large, (too_large, room)
