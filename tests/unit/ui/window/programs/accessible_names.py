"""Whatever a user operates has a name that a screen reader says: in the windows, bars, panels, dialogs and menus."""

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QComboBox,
    QDialogButtonBox,
    QDockWidget,
    QFrame,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QMenu,
    QMenuBar,
    QScrollBar,
    QSplitterHandle,
    QTabBar,
    QTextEdit,
    QToolBar,
    QWidget,
    QWidgetAction,
)

from app.attach.helper_fds import HelperMethod
from app.diagnosis.report.host_report import HostReport
from app.host.dbus_display import DbusDisplay
from app.host.screens import HostScreens
from app.host.vgpu import Vgpu
from app.host.vm import Vm
from app.open.session import ConsoleChoice
from app.open.target import SIMULATED_DEFAULT
from app.vm.monitor import Lights
from tests.unit.ui.window.picture_without_plane import picture_without_plane
from ui.window.about import show_about
from ui.window.actions.keys_dialog import KeysDialog
from ui.window.chooser import Chooser
from ui.window.main_window import MainWindow
from ui.window.overview.overview_window import OverviewWindow
from ui.window.picture.view_options import ViewOptions
from ui.window.qt_application import new_application

# Parts of these are said by Qt with the whole.
_WHOLES = (QComboBox, QAbstractSpinBox, QKeySequenceEdit, QHeaderView, QLineEdit, QTabBar)
_PARTS = (QScrollBar, QHeaderView, QSplitterHandle, QTabBar, QMenuBar, QDialogButtonBox)
_CONTAINERS = (QToolBar, QDockWidget, QMenu)


def is_operated(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    if isinstance(widget, _PARTS) or isinstance(parent, _WHOLES) or widget.objectName().startswith("qt_"):
        return False
    if isinstance(parent, QAbstractScrollArea) and widget in (parent.viewport(), parent.cornerWidget()):
        return False
    takes_focus = widget.focusPolicy() is not Qt.FocusPolicy.NoFocus
    return takes_focus or widget.isWindow() or isinstance(widget, (QAbstractButton, *_CONTAINERS))


def name_of(widget: QWidget, labels: list[QLabel]) -> str:
    found = [widget.accessibleName(), widget.windowTitle()]
    if isinstance(widget, QAbstractButton | QLabel):
        found.append(widget.text())
    if isinstance(widget, QMenu):
        found.append(widget.title())
    found += [each.text() for each in labels if each.buddy() is widget]
    return next((each for each in found if each.strip()), "")


application = new_application()
picture = picture_without_plane("a VM")
window = MainWindow(
    picture, "a VM", ViewOptions(), lambda: None, examine_host=lambda: HostReport("why", (), "the report")
)
# It is not shown: here is no OpenGL.
for action in ("latency-panel", "inspector"):
    window._actions[action].setChecked(True)
window.screens.set_consoles(lambda: tuple(ConsoleChoice(f"Console {n}", f"vm:web,console={n}", n == 0) for n in (0, 1)))
window._panels.check_host()
window._menus.popup_at_pointer()
show_about(window, None)
keys = KeysDialog(window, window.shortcuts)
chooser = Chooser()
chooser.show_screens(HostScreens((Vgpu("one"),), (DbusDisplay(Vm(1, "qemu", "web", ()), p2p=True),)))
overview = OverviewWindow([SIMULATED_DEFAULT], HelperMethod.NEVER, lambda source: None)
window._fullscreen.set(True)
window._fullscreen.open_menu()
application.processEvents()
# The window has no VM, and tells no lights by itself.
window._state.line.show_lights(Lights.CAPS_LOCK)
assert window._state.line._lights.accessibleName() == "Lights of the guest's keyboard: Caps Lock"
# Menus and plain widgets without a parent are pyqtgraph's; windows that are a QFrame are the lists of combo boxes.
tops = [each for each in application.topLevelWidgets() if each.parentWidget() is None]
tops = [each for each in tops if type(each) not in (QMenu, QWidget)]
found = {each for top in tops for each in (top, *top.findChildren(QWidget))}
# What is hidden may be shown later, but a text that is hidden because it is empty has no name until then.
found = {each for each in found if not (isinstance(each, QTextEdit) and each.isHidden() and not each.toPlainText())}
widgets = [each for each in found if type(each.window()) is not QFrame]
labels = [each for each in widgets if isinstance(each, QLabel)]
operated = [each for each in widgets if is_operated(each)]
nameless = [
    f"{type(each).__name__} in {type(each.window()).__name__}" for each in operated if not name_of(each, labels)
]
nameless += [
    f"an action of {type(each).__name__} in {type(each.window()).__name__}"
    for each in widgets
    for action in each.actions()
    # A widget in a bar is an action too, and so is the icon in a field.
    if not isinstance(action, QWidgetAction) and not isinstance(each.parent(), QLineEdit)
    if not action.isSeparator() and not action.text()
]
overview.close()
chooser.stop()
keys.close()
window.close()
assert window._state.line._lights in labels
assert len(operated) > 40, len(operated)
assert not nameless, nameless
