"""What the page in place of the picture says, and which buttons it has. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from app.diagnosis.finding import Finding
from app.diagnosis.picture.picture_keys import sentence_of
from app.errors import (
    AmbiguousTarget,
    DeviceBusy,
    MdevviewError,
    NeedsRunningVm,
    NoSuchDevice,
    PermissionDenied,
    ProcessGone,
    ResolutionRefused,
)
from app.planes.status import Reason, State, Status
from app.text.clean import clean_line
from ui.window.picture.picture_text import status_heading
from ui.window.widgets.menu_words import page_words, sentence

_LONGEST = 1000
_MOST_FINDINGS = 3
_HEADINGS: tuple[tuple[type[MdevviewError], str], ...] = (
    (AmbiguousTarget, "Which screen?"),
    (ProcessGone, "The VM does not run"),
    (NeedsRunningVm, "The VM does not run"),
    (NoSuchDevice, "No such screen"),
    (DeviceBusy, "The screen is in use"),
    (PermissionDenied, "No permission"),
    (ResolutionRefused, "The resolution cannot be set"),
)
# Another opening of the device may mend these. While a VM is waited for, the first two are not tried again by
# themselves, or only when the VM restarts.
_OPENED_AGAIN = (
    Reason.PERMISSION_DENIED,
    Reason.OPEN_FAILED,
    Reason.FETCH_FAILED,
    Reason.FETCHED_ELSEWHERE,
    Reason.FETCHED_BEFORE,
    Reason.DEVICE_FAULT,
)


class PageAction(Enum):
    """The buttons of the page, in their order: the key of the action in the menus, and the text."""

    RETRY = "retry", "Retry"
    CHOOSE = "choose", "Choose another…"
    WAIT = "wait", "Wait for the VM"
    COPY_DETAILS = "copy-details", "Copy details"
    DOCTOR = "host-check", "Run doctor"

    def __init__(self, key: str, text: str) -> None:
        self.key = key
        self.text = text


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the window does to get its screen.

    ``error`` is why the last opening failed. ``opening``: it is being opened, or a person is asked for
    permission. ``waiting``: its VM is waited for. ``may_wait``: the screen is one that may appear later. ``vm`` is the
    name of the VM by which the user named the screen, empty for none.
    """

    error: MdevviewError | None = None
    opening: bool = False
    waiting: bool = False
    may_wait: bool = False
    vm: str = ""


@dataclass(frozen=True, slots=True)
class PageContent:
    """The texts from top to bottom. All but ``heading`` may be empty. ``notes`` are the further findings."""

    heading: str
    sentence: str = ""
    remedy: str = ""
    evidence: str = ""
    notes: tuple[str, ...] = ()


def page_buttons(status: Status, attempt: Attempt) -> tuple[PageAction, ...]:
    """The buttons that make sense; the first is the one that the user most likely wants."""
    error, state = attempt.error, status.state
    if error is not None:
        again = not isinstance(error, AmbiguousTarget)
    else:
        again = status.reason in _OPENED_AGAIN or (state is State.GONE and not attempt.waiting)
    able = {
        PageAction.RETRY: again and not attempt.opening,
        PageAction.CHOOSE: True,
        PageAction.WAIT: attempt.may_wait and not attempt.waiting and (error is not None or state is State.GONE),
        PageAction.COPY_DETAILS: True,
        PageAction.DOCTOR: True,
    }
    return tuple(each for each in PageAction if able[each])


def page_content(
    source: str, status: Status, findings: Sequence[Finding] = (), attempt: Attempt | None = None
) -> PageContent:
    """What the page says about ``source``: the error of its opening, else the findings, else the status alone."""
    attempt = attempt or Attempt()
    error = attempt.error
    if error is not None:
        return _content(_error_heading(error), error.message, error.remedy, f"{source}: {error.key}")
    if attempt.opening and status.reason is Reason.NOT_STARTED:
        return _content("Opening", "The screen is being opened.", "", source)
    heading = status_heading(status)
    if status.reason is Reason.VM_ENDED:
        evidence = _evidence(source, status.reason.key, status.detail)
        return _content(heading, status.reason.meaning, _shown_again(attempt), evidence)
    if not findings:
        told = status.reason.meaning or status.detail or sentence_of(status.reason)
        detail = status.detail if told != status.detail else ""
        return _content(heading, told, status.reason.remedy, _evidence(source, status.reason.key, detail))
    first = findings[0]
    notes = tuple(clean_line(_note(each), _LONGEST) for each in findings[1:_MOST_FINDINGS])
    evidence = _evidence(source, first.key, first.evidence)
    return _content(heading, first.message.removeprefix("primary plane: "), first.remedy, evidence, notes)


def fault_content(error: MdevviewError) -> PageContent:
    """What the page says where no picture can be shown at all, because of ``error``."""
    return _content("No picture is possible", error.message, error.remedy, "")


def _content(heading: str, told: str, remedy: str, evidence: str, notes: tuple[str, ...] = ()) -> PageContent:
    told, remedy, evidence = (clean_line(each, _LONGEST) for each in (told, remedy, evidence))
    return PageContent(heading, sentence(page_words(told)), sentence(page_words(remedy)), evidence, notes)


def _shown_again(attempt: Attempt) -> str:
    """What the user does to see the screen of a VM that ended: only some targets can be waited for."""
    if attempt.waiting:
        return "Start it again; its screen then appears by itself."
    if attempt.may_wait:
        return f"Start it again; '{PageAction.WAIT.text}' then shows it by itself."
    return f"Start it again, and press '{PageAction.RETRY.text}'."


def _error_heading(error: MdevviewError) -> str:
    return next((heading for kind, heading in _HEADINGS if isinstance(error, kind)), "Cannot open this")


def _evidence(source: str, key: str, evidence: str) -> str:
    return f"{source}: {key}" + (f" ({evidence})" if evidence else "")


def _note(finding: Finding) -> str:
    return f"{finding.key}: {finding.message}" + (f" ({finding.evidence})" if finding.evidence else "")
