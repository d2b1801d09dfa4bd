"""The dialog in which the user chooses among several vGPUs."""

from dataclasses import dataclass

from PyQt6.QtCore import QSize, QSocketNotifier, Qt
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget
from PyQt6.sip import voidptr

from app.diagnosis.host.attach_findings import helper_usable
from app.diagnosis.host.vgpu_choice import vgpu_choice
from app.host.ptrace import PtracePermission
from app.host.vgpu import Use, Vgpu
from app.open.target import SIMULATED_DEFAULT, Simulated
from app.open.vgpu_list import VgpuList
from app.text.clean import LONGEST_LINE, clean
from ui.window.settings.first_size import resize_within_screen
from ui.window.widgets.tool_tip import plain_tool_tip

_COLUMNS = ("VM", "Type", "Parent", "State", "vGPU")
_SIZE = QSize(920, 400)
# A column gets at most this part of the list's width, so that the last one has a quarter at least.
_MOST_OF_WIDTH = (0.24, 0.17, 0.13, 0.17)
_GAP = 12
_SELECTABLE = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
_SCANNING = "Looking for vGPUs…"
_NONE = "This host has no vGPU. The simulated one shows what the program does."
_SIMULATED = "A simulated vGPU, with pictures of this program's own."


@dataclass(frozen=True, slots=True)
class Row:
    """``texts`` has one for each column; ``details`` is what the user reads about the row that is selected."""

    what: Vgpu | Simulated
    texts: tuple[str, ...]
    details: str


def rows_of(vgpus: tuple[Vgpu, ...], permission: PtracePermission, helper: bool) -> tuple[Row, ...]:
    """The vGPUs of VMs first, the simulated one last. ``helper``: root's helper can attach to VMs of other users."""
    rows = []
    for vgpu in sorted(vgpus, key=lambda each: each.use is Use.FREE):
        choice = vgpu_choice(vgpu, permission, helper)
        kind = vgpu.type_name or vgpu.type_id or vgpu.driver or ""
        state = "cannot be opened" if choice.why_not else choice.state
        use = f"in use by {choice.users}" if vgpu.use is Use.IN_USE else choice.users
        texts = (choice.vm or "no VM", kind, vgpu.parent or "", state, vgpu.name)
        rows.append(Row(vgpu, texts, f"{vgpu.name}: {use}. {choice.why_not}".strip()))
    simulated = ("simulated", "", "", "", f"sim:{SIMULATED_DEFAULT.spec}")
    return (*rows, Row(SIMULATED_DEFAULT, simulated, _SIMULATED if vgpus else _NONE))


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
    """Lists the vGPUs and VMs of this host, as they come and go, and the simulated one. A thread scans the host."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Choose a device — mdevview")
        self._rows: tuple[Row, ...] = ()
        self._tree = _Tree()
        self._tree.itemActivated.connect(self.accept)
        self._tree.itemSelectionChanged.connect(self._show_selected)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        question = QLabel("&Which screen do you want to see?")
        question.setBuddy(self._tree)
        self._tree.setAccessibleName("vGPUs of this host")
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
        self._vgpus = VgpuList(follow_vms=True)
        self._notifier = QSocketNotifier(voidptr(self._vgpus.fileno()), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._update)

    def chosen(self) -> Vgpu | Simulated | None:
        """What is selected; None before the first scan."""
        row = self._selected()
        return row.what if row is not None else None

    def _selected(self) -> Row | None:
        item = next(iter(self._tree.selectedItems()), None)
        return item.data(0, Qt.ItemDataRole.UserRole) if item is not None else None

    def _update(self) -> None:
        vgpus = self._vgpus.poll()
        if vgpus is not None:
            self.show_vgpus(vgpus)

    def show_vgpus(self, vgpus: tuple[Vgpu, ...]) -> None:
        """List these, with the selection and the place of the list as before where that is possible."""
        rows = rows_of(vgpus, PtracePermission.read(), helper_usable())
        if rows == self._rows:
            return
        self._rows = rows
        selected = self.chosen()
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

    def _add(self, row: Row, selected: Vgpu | Simulated | None) -> None:
        # Qt takes seconds for the width of a text that has megabytes.
        texts = [clean(each, LONGEST_LINE) for each in row.texts]
        item = QTreeWidgetItem(texts)
        for column, text in enumerate(texts):
            item.setToolTip(column, plain_tool_tip(text))
        item.setData(0, Qt.ItemDataRole.UserRole, row)
        self._tree.addTopLevelItem(item)
        if selected is not None and _name(selected) == _name(row.what):
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
        self._vgpus.close()

    def done(self, result: int) -> None:
        """Stop the scans before the dialog closes."""
        self.stop()
        super().done(result)


def _name(what: Vgpu | Simulated) -> str:
    return what.name if isinstance(what, Vgpu) else what.spec


def choose_device(parent: QWidget | None = None) -> Vgpu | Simulated | None:
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
