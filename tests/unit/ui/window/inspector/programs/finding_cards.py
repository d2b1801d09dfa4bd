"""Findings with markup of a guest, controls and much text; a card stays as long as its finding."""

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QPushButton

from app.diagnosis.finding import Finding, Severity
from ui.window.inspector.empty_text import EmptyText
from ui.window.inspector.finding_list import FindingCard, FindingList
from ui.window.inspector.wrapped_text import WrappedText
from ui.window.qt_application import new_application

application = new_application()
findings = FindingList()
findings.resize(480, 600)
findings.show()

hostile = Finding(
    "import-failed", Severity.WARNING, "VM <img src='/dev/zero'>\nb", "seen\x1b[2J " + "x" * 99_999, "run <b>this</b>"
)
plain = Finding("plane-off", Severity.INFO, "primary plane: off")
findings.show_findings((hostile, plain, hostile))
assert findings.shown == (hostile, plain)


def cards() -> list[FindingCard]:
    application.processEvents()
    shown = [each for each in findings.findChildren(FindingCard) if each.isVisible()]
    return sorted(shown, key=lambda card: card.y())


first, second = cards()
labels = first.findChildren(WrappedText)
texts = [each.toPlainText() for each in labels]
assert "Warning: VM <img src='/dev/zero'> b" in texts and "Remedy: run <b>this</b>" in texts, texts
assert max(map(len, texts)) == 2000
for label in labels:
    assert label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByKeyboard
    document = label.document()
    assert document is not None
    assert label.width() <= 480 and document.size().height() <= label.height() + 1, "it is cut off"
    assert document.size().width() <= label.width()
(button,) = first.findChildren(QPushButton)
button.click()
clipboard = QGuiApplication.clipboard()
assert clipboard is not None and clipboard.text() == "run <b>this</b>"
assert not second.findChildren(QPushButton), "there is no remedy to copy"

other = Finding("render-failed", Severity.ERROR, "OpenGL failed")
findings.show_findings((other, plain))
assert cards()[1] is second, "a finding that stays keeps its card"
assert cards()[0].accessibleName() == "Error: render-failed"
# Who started the window from a menu cannot give it an option.
findings.show_findings((Finding("wrong-gpu", Severity.INFO, "of another GPU (--gpu)", "", "run 'mdevview doctor'"),))
shown = [each.toPlainText() for each in cards()[0].findChildren(WrappedText)]
assert shown == ["Note: of another GPU", "Remedy: run 'Check this host' in the Help menu"], shown
findings.show_findings(())
assert not cards()
(words,) = (each for each in findings.findChildren(EmptyText) if each.isVisible())
assert "Nothing is wrong" in words.text()
