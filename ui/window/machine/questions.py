"""The questions before a VM is ended or reset. None stops the event loop, and the safe answer is the default."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QAbstractButton, QMessageBox, QPushButton, QWidget

from app.text.clean import clean_line

_LONGEST_NAME = 80


class Answer(Enum):
    """What the user chose."""

    SHUT_DOWN = "&Shut down"
    LEAVE_RUNNING = "&Leave running"
    FORCE_OFF = "&Force off"
    RESET = "&Reset"
    CANCEL = "Cancel"
    KEEP_WAITING = "&Keep waiting"


_SAFE = (Answer.CANCEL, Answer.KEEP_WAITING)
_LOSING = (Answer.FORCE_OFF, Answer.RESET)
_FORCED = "The VM ends at once, and the guest is not asked. What it has not saved is lost."
_LEFT = "closes only this window. The VM goes on without it"


@dataclass(frozen=True, slots=True)
class Question:
    """One sentence, what the answers do, and the answers. The last one is safe, and the default."""

    text: str
    explanation: str
    answers: tuple[Answer, ...]


def about_closing(name: str) -> Question:
    """The window of a VM that this program started is closed."""
    return Question(
        f"What should happen to {_quoted(name)} when this window closes?",
        "Shut down asks the guest to power off, and this window stays until it has done so.\n\n"
        f"Leave running {_LEFT}, and mdevview can show it again.",
        (Answer.SHUT_DOWN, Answer.LEAVE_RUNNING, Answer.CANCEL),
    )


def about_closing_of_another() -> Question:
    """The same, while the window shows another VM or none."""
    return Question(
        "What should happen to the VM that was started with this window?",
        "Shut down closes this window and asks the guest to power off. If it has not done so after a minute, it is "
        "forced off.\n\n"
        f"Leave running {_LEFT}, and mdevview can show it again.",
        (Answer.SHUT_DOWN, Answer.LEAVE_RUNNING, Answer.CANCEL),
    )


def about_closing_again(name: str) -> Question:
    """The window is closed while the VM is being shut down."""
    return Question(
        f"{_quoted(name)} has not shut down yet.",
        "Force off ends the VM at once. What the guest has not saved is lost.\n\n"
        f"Leave running {_LEFT}, and the guest may still power off.\n\n"
        "Keep waiting gives the guest more time.",
        (Answer.FORCE_OFF, Answer.LEAVE_RUNNING, Answer.KEEP_WAITING),
    )


def about_force_off(name: str) -> Question:
    return Question(f"Force off {_quoted(name)}?", _FORCED, (Answer.FORCE_OFF, Answer.CANCEL))


def about_reset(name: str) -> Question:
    text = "The VM starts again at once, and the guest is not asked. What it has not saved is lost."
    return Question(f"Reset {_quoted(name)}?", text, (Answer.RESET, Answer.CANCEL))


def ask(parent: QWidget, question: Question, answered: Callable[[Answer], None]) -> QMessageBox:
    """Show the question. ``answered`` is called once, with the safe answer if the dialog is closed."""
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle("mdevview")
    losing = question.answers[0] in _LOSING
    box.setIcon(QMessageBox.Icon.Warning if losing else QMessageBox.Icon.Question)
    # A VM's name may contain markup.
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(question.text)
    box.setInformativeText(question.explanation)
    answers: dict[QAbstractButton, Answer] = {}
    for answer in question.answers:
        button = QPushButton(answer.value)
        box.addButton(button, _role(answer))
        answers[button] = answer
        if answer in _SAFE:
            # Escape and closing the dialog mean it, too: it is the only one of its role.
            box.setDefaultButton(button)

    def finish() -> None:
        clicked = box.clickedButton()
        answered(answers[clicked] if clicked in answers else question.answers[-1])

    box.finished.connect(finish)
    box.open()
    return box


def _role(answer: Answer) -> QMessageBox.ButtonRole:
    if answer in _SAFE:
        return QMessageBox.ButtonRole.RejectRole
    return QMessageBox.ButtonRole.DestructiveRole if answer in _LOSING else QMessageBox.ButtonRole.AcceptRole


def _quoted(name: str) -> str:
    return f"“{clean_line(name, _LONGEST_NAME)}”"
