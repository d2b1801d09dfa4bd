"""The dialog in which the user chooses among several vGPUs."""

from PyQt6.QtCore import QSocketNotifier, Qt
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget
from PyQt6.sip import voidptr

from app.host.vgpu import Vgpu
from app.host.wording import claims_text, holders_text
from app.open.target import SIMULATED_DEFAULT, Simulated
from app.open.vgpu_list import VgpuList
from app.text.clean import LONGEST_LINE, clean

_COLUMNS = ("Device", "Type", "Parent", "In use by")


def in_use_text(vgpu: Vgpu) -> str:
    """Who has the device open; "free" when nobody has."""
    if vgpu.claims:
        return f"unknown; perhaps {claims_text(vgpu.claims)}"
    return holders_text(vgpu.holders) or ("unknown" if vgpu.unseen else "free")


class Chooser(QDialog):
    """Lists the vGPUs of this host, as they come and go, and the simulated one. Another thread scans the host."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Choose a device — mdevview")
        self._tree = QTreeWidget()
        self._tree.setAccessibleName("Devices")
        self._tree.setHeaderLabels(_COLUMNS)
        self._tree.setRootIsDecorated(False)
        self._tree.setAllColumnsShowFocus(True)
        self._tree.itemActivated.connect(self.accept)
        self._tree.itemSelectionChanged.connect(self._enable)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel("Which screen do you want to see?"))
        layout.addWidget(self._tree)
        layout.addWidget(self._buttons)
        self.resize(760, 320)
        self._enable()
        self._vgpus = VgpuList()
        self._notifier = QSocketNotifier(voidptr(self._vgpus.fileno()), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._update)

    def chosen(self) -> Vgpu | Simulated | None:
        """What is selected; None before the first scan."""
        items = self._tree.selectedItems()
        return items[0].data(0, Qt.ItemDataRole.UserRole) if items else None

    def _update(self) -> None:
        vgpus = self._vgpus.poll()
        if vgpus is not None:
            self._fill(vgpus)

    def _fill(self, vgpus: tuple[Vgpu, ...]) -> None:
        selected = self.chosen()
        self._tree.clear()
        for vgpu in vgpus:
            kind = vgpu.type_name or vgpu.type_id or vgpu.driver or ""
            self._add((vgpu.name, kind, vgpu.parent or "", in_use_text(vgpu)), vgpu, selected)
        self._add((f"sim:{SIMULATED_DEFAULT.spec}", "simulated", "", ""), SIMULATED_DEFAULT, selected)
        for column in range(len(_COLUMNS)):
            self._tree.resizeColumnToContents(column)
        if not self._tree.selectedItems():
            self._tree.setCurrentItem(self._tree.topLevelItem(0))
        self._enable()

    def _add(self, texts: tuple[str, ...], what: Vgpu | Simulated, selected: Vgpu | Simulated | None) -> None:
        # Qt takes seconds for the width of a text that has megabytes.
        item = QTreeWidgetItem([clean(each, LONGEST_LINE) for each in texts])
        item.setData(0, Qt.ItemDataRole.UserRole, what)
        self._tree.addTopLevelItem(item)
        if selected is not None and _name(selected) == _name(what):
            self._tree.setCurrentItem(item)

    def _enable(self) -> None:
        button = self._buttons.button(QDialogButtonBox.StandardButton.Open)
        assert button is not None
        button.setEnabled(self.chosen() is not None)

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
