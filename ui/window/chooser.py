"""The dialog in which the user chooses among the screens of this host."""

from dataclasses import dataclass

from PyQt6.QtCore import QSize, QSocketNotifier, Qt
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget
from PyQt6.sip import voidptr

from app.diagnosis.host.attach_findings import helper_usable
from app.diagnosis.host.vgpu_choice import vgpu_choice, vm_of
from app.host.dbus_display import DbusDisplay
from app.host.guest_screen import GuestScreen, guest_text
from app.host.ptrace import PtracePermission
from app.host.screens import HostScreens, access_text, first_console, vm_text
from app.host.vgpu import Use, Vgpu
from app.open.screen_list import ScreenList
from app.open.target import SIMULATED_DEFAULT, Target, parse_target
from app.text.clean import LONGEST_LINE, clean
from ui.window.settings.first_size import resize_within_screen
from ui.window.widgets.tool_tip import plain_tool_tip

_COLUMNS = ("VM", "Type", "Parent", "State", "Target")
_SIZE = QSize(920, 400)
# A column gets at most this part of the list's width, so that the last one has a quarter at least.
_MOST_OF_WIDTH = (0.24, 0.17, 0.13, 0.17)
_GAP = 12
_SELECTABLE = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
_SCANNING = "Looking for screens…"
_NONE = "This host has no vGPU and no VM with a D-Bus display. The simulated vGPU shows what the program does."
_ONE_VIEWER = "A viewer that has its keyboard and pointer now will lose them."
_HAS_VIEWER = "Another program serves it now, or one ended without telling the guest."
_TWO_ROWS = "The VM's vGPU has a row of its own."
_SIMULATED = "A simulated vGPU, with pictures of this program's own."


@dataclass(frozen=True, slots=True)
class Row:
    """``texts`` has one for each column; ``details`` is what the user reads about the row that is selected."""

    what: Vgpu | Target
    texts: tuple[str, ...]
    details: str

    @property
    def target(self) -> str:
        """The TARGET that opens it; no other row has it."""
        return self.texts[-1]


def rows_of(screens: HostScreens, permission: PtracePermission, helper: bool) -> tuple[Row, ...]:
    """The screens of VMs first, then free vGPUs, the simulated one last.

    ``helper``: root's helper can attach to VMs of other users.
    """
    vgpus = [_vgpu_row(each, permission, helper) for each in screens.vgpus if each.use is not Use.FREE]
    free = [_vgpu_row(each, permission, helper) for each in screens.vgpus if each.use is Use.FREE]
    displays = [_display_row(each, screens) for each in screens.displays]
    guests = [_guest_row(each) for each in screens.guests]
    texts = ("simulated", "", "", "", f"sim:{SIMULATED_DEFAULT.spec}")
    simulated = Row(SIMULATED_DEFAULT, texts, _none_text(screens) if screens.are_none else _SIMULATED)
    return (*vgpus, *displays, *guests, *free, simulated)


def _vgpu_row(vgpu: Vgpu, permission: PtracePermission, helper: bool) -> Row:
    choice = vgpu_choice(vgpu, permission, helper)
    kind = vgpu.type_name or vgpu.type_id or vgpu.driver or ""
    state = "cannot be opened" if choice.why_not else choice.state
    use = f"in use by {choice.users}" if vgpu.use is Use.IN_USE else choice.users
    texts = (choice.vm or "no VM", kind, vgpu.parent or "", state, vgpu.name)
    return Row(vgpu, texts, f"{vgpu.name}: {use}. {choice.why_not}".strip())


def _display_row(display: DbusDisplay, screens: HostScreens) -> Row:
    target = screens.target_of(display)
    vm = vm_of(display.vm.name, display.vm.id, display.vm.process, display.vm.pid)
    details = f"{target}: the D-Bus display ({access_text(display)}) of {vm_text(display)}."
    if display.p2p:
        details += f" {_ONE_VIEWER}"
    if screens.has_vgpu(display):
        details += f" {_TWO_ROWS}"
    return Row(parse_target(first_console(display)), (vm, "D-Bus display", "", "running", target), details)


def _guest_row(screen: GuestScreen) -> Row:
    size = f" of {screen.width} × {screen.height} pixels" if screen.width else ""
    details = f"{screen.target}: a screen{size} of {guest_text(screen)}."
    if screen.why_not:
        details += f" {screen.why_not[0].upper()}{screen.why_not[1:]}."
    elif screen.served:
        details += f" {_HAS_VIEWER}"
    state = "cannot be opened" if screen.why_not else "has a viewer" if screen.served else "running"
    texts = (screen.name or f"domain {screen.domid}", "Xen display", "", state, screen.target)
    return Row(parse_target(screen.target), texts, details)


def _none_text(screens: HostScreens) -> str:
    note = screens.guests_note
    return f"{_NONE} {note[0].upper()}{note[1:]}." if note else _NONE


class _Tree(QTreeWidget):
    """A list whose columns share its width: it does not scroll sideways."""

    def __init__(self) -> None:
        super().__init__()
        self.setHeaderLabels(_COLUMNS)
        self.setRootIsDecorated(False)
        self.setAllColumnsShowFocus(True)
        self.setUniformRowHeights(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def share_width(self) -> None:
        viewport, header = self.viewport(), self.header()
        assert viewport is not None and header is not None
        for column, share in enumerate(_MOST_OF_WIDTH):
            wanted = max(self.sizeHintForColumn(column), header.sectionSizeHint(column)) + _GAP
            self.setColumnWidth(column, min(wanted, int(share * viewport.width())))

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        self.share_width()


class Chooser(QDialog):
    """Lists the screens of this host, as they come and go, and a simulated one. A thread scans the host."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Choose a screen — mdevview")
        self._rows: tuple[Row, ...] = ()
        self._tree = _Tree()
        self._tree.itemActivated.connect(self.accept)
        self._tree.itemSelectionChanged.connect(self._show_selected)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        question = QLabel("&Which screen do you want to see?")
        question.setBuddy(self._tree)
        self._tree.setAccessibleName("Screens of this host")
        self._details = QLabel()
        # The name of a VM may hold markup.
        self._details.setTextFormat(Qt.TextFormat.PlainText)
        self._details.setWordWrap(True)
        self._details.setTextInteractionFlags(_SELECTABLE)
        self._details.setAlignment(Qt.AlignmentFlag.AlignTop)
        # Room for three lines, so that the list does not move when another row is selected.
        self._details.setMinimumHeight(3 * self._details.fontMetrics().lineSpacing())
        layout = QVBoxLayout(self)
        layout.addWidget(question)
        layout.addWidget(self._tree, 1)
        layout.addWidget(self._details)
        layout.addWidget(self._buttons)
        resize_within_screen(self, _SIZE)
        self._show_selected()
        self._tree.setFocus()
        self._screens = ScreenList(follow_vms=True)
        self._notifier = QSocketNotifier(voidptr(self._screens.fileno()), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._update)

    def chosen(self) -> Vgpu | Target | None:
        """What is selected; None before the first scan."""
        row = self._selected()
        return row.what if row is not None else None

    def _selected(self) -> Row | None:
        item = next(iter(self._tree.selectedItems()), None)
        return item.data(0, Qt.ItemDataRole.UserRole) if item is not None else None

    def _update(self) -> None:
        screens = self._screens.poll()
        if screens is not None:
            self.show_screens(screens)

    def show_screens(self, screens: HostScreens) -> None:
        """List these, with the selection and the place of the list as before where that is possible."""
        rows = rows_of(screens, PtracePermission.read(), helper_usable())
        if rows == self._rows:
            return
        self._rows = rows
        selected = self._selected()
        bar = self._tree.verticalScrollBar()
        assert bar is not None
        place = bar.value()
        self._tree.blockSignals(True)
        self._tree.clear()
        for row in rows:
            self._add(row, selected)
        self._tree.blockSignals(False)
        if not self._tree.selectedItems():
            self._tree.setCurrentItem(self._tree.topLevelItem(0))
        self._tree.share_width()
        bar.setValue(place)
        self._show_selected()

    def _add(self, row: Row, selected: Row | None) -> None:
        # Qt takes seconds for the width of a text that has megabytes.
        texts = [clean(each, LONGEST_LINE) for each in row.texts]
        item = QTreeWidgetItem(texts)
        for column, text in enumerate(texts):
            item.setToolTip(column, plain_tool_tip(text))
        item.setData(0, Qt.ItemDataRole.UserRole, row)
        self._tree.addTopLevelItem(item)
        if selected is not None and selected.target == row.target:
            self._tree.setCurrentItem(item)

    def _show_selected(self) -> None:
        row = self._selected()
        self._details.setText(clean(row.details, 3 * LONGEST_LINE) if row is not None else _SCANNING)
        button = self._buttons.button(QDialogButtonBox.StandardButton.Open)
        assert button is not None
        button.setEnabled(row is not None)

    def stop(self) -> None:
        """Stop the scans; more calls do nothing."""
        self._notifier.setEnabled(False)
        self._screens.close()

    def done(self, result: int) -> None:
        """Stop the scans before the dialog closes."""
        self.stop()
        super().done(result)


def choose_device(parent: QWidget | None = None) -> Vgpu | Target | None:
    """Show the dialog and wait. None when the user cancels. Raises OpenFailed when no thread can be started."""
    chooser = Chooser(parent)
    try:
        accepted = chooser.exec() == QDialog.DialogCode.Accepted
        return chooser.chosen() if accepted else None
    finally:
        # Where the program ends meanwhile, the dialog is not done.
        chooser.stop()
        # The window would keep every dialog that it ever showed.
        chooser.deleteLater()
