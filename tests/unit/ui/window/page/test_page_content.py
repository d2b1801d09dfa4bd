"""What the page says and offers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.diagnosis.finding import Finding, Severity
from app.errors import (
    AmbiguousTarget,
    DeviceBusy,
    MdevviewError,
    NeedsRunningVm,
    NoSuchDevice,
    PermissionDenied,
    ResolutionRefused,
    UsageError,
)
from app.planes.status import Reason, State, Status
from ui.window.page.page_content import Attempt, PageAction, page_buttons, page_content

RETRY, CHOOSE, WAIT, COPY, DOCTOR = PageAction
_ALWAYS = (CHOOSE, COPY, DOCTOR)
_BUSY = DeviceBusy("desk is in use by process 4711", "close it")


@pytest.mark.parametrize("reason", [each for each in Reason if each.state not in (State.SHOWING, State.DEGRADED)])
def test_each_state_without_a_picture_is_sentences_and_names_no_button_or_option_that_is_not_there(
    reason: Reason,
) -> None:
    content = page_content("desk", Status(reason, "words"))
    assert content.heading and content.sentence.endswith((".", "words.")), content
    assert f"desk: {reason.key}" in content.evidence
    told = content.sentence + content.remedy
    assert not re.search(r"'mdevview|\(-v|--wait", told), told


@pytest.mark.parametrize("reason", [each for each in Reason if each.state is State.GONE])
def test_what_ended_is_told_by_more_than_the_heading(reason: Reason) -> None:
    content = page_content("desk", Status(reason))
    assert content.sentence.rstrip(".") != content.heading


def test_a_finding_says_more_than_the_status() -> None:
    first = Finding("no-driver", Severity.ERROR, "primary plane: the guest has no driver", "none bound", "load it")
    second = Finding("vm-paused", Severity.WARNING, "The VM is paused.", "paused")
    content = page_content("desk", Status(Reason.PLANE_OFF), (first, second))
    assert (content.sentence, content.remedy) == ("The guest has no driver.", "Load it.")
    assert content.evidence == "desk: no-driver (none bound)"
    assert content.notes == ("vm-paused: The VM is paused. (paused)",)


@pytest.mark.parametrize(
    ("error", "heading"),
    [
        (AmbiguousTarget("2 vGPUs", "give one", ("a", "b")), "Which screen?"),
        (NeedsRunningVm("desk: no VM has it open", "start the VM"), "The VM does not run"),
        (NoSuchDevice("no vGPU desk", ""), "No such screen"),
        (_BUSY, "The screen is in use"),
        (PermissionDenied("no permission", ""), "No permission"),
        (ResolutionRefused("desk has no EDID", ""), "The resolution cannot be set"),
        (UsageError("what?", ""), "Cannot open this"),
    ],
)
def test_an_error_at_opening_has_a_heading_and_its_own_words(error: MdevviewError, heading: str) -> None:
    content = page_content("desk", Status(Reason.NOT_OPENED), (), Attempt(error))
    assert (content.heading, content.evidence) == (heading, f"desk: {error.key}")
    assert content.sentence.casefold() == f"{error.message}.".replace("?.", "?").casefold()


@pytest.mark.parametrize(
    ("reason", "attempt", "buttons"),
    [
        (Reason.NOT_STARTED, Attempt(opening=True), _ALWAYS),
        (Reason.ASKING_PERMISSION, Attempt(opening=True), _ALWAYS),
        (Reason.NOT_OPENED, Attempt(_BUSY), (RETRY, *_ALWAYS)),
        (Reason.NOT_OPENED, Attempt(_BUSY, may_wait=True), (RETRY, CHOOSE, WAIT, COPY, DOCTOR)),
        # What fits several fits them a second time, too.
        (Reason.NOT_OPENED, Attempt(AmbiguousTarget("2", "", ("a", "b"))), _ALWAYS),
        (Reason.VM_NOT_RUNNING, Attempt(waiting=True, may_wait=True), _ALWAYS),
        # The waiter does not ask a person twice.
        (Reason.PERMISSION_DENIED, Attempt(waiting=True, may_wait=True), (RETRY, *_ALWAYS)),
        (Reason.PLANE_OFF, Attempt(may_wait=True), _ALWAYS),
        (Reason.FETCHED_BEFORE, Attempt(may_wait=True), (RETRY, *_ALWAYS)),
        (Reason.VM_ENDED, Attempt(may_wait=True), (RETRY, CHOOSE, WAIT, COPY, DOCTOR)),
        (Reason.VM_ENDED, Attempt(waiting=True, may_wait=True), _ALWAYS),
        (Reason.DEVICE_REMOVED, Attempt(), (RETRY, *_ALWAYS)),
    ],
)
def test_only_the_buttons_that_make_sense(reason: Reason, attempt: Attempt, buttons: tuple[PageAction, ...]) -> None:
    assert page_buttons(Status(reason), attempt) == tuple(each for each in PageAction if each in buttons)


@given(st.sampled_from(Reason), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_whatever_happens_the_user_can_choose_and_report_and_two_openings_never_overlap(
    reason: Reason, failed: bool, opening: bool, waiting: bool, may_wait: bool
) -> None:
    buttons = page_buttons(Status(reason), Attempt(_BUSY if failed else None, opening, waiting, may_wait))
    assert {CHOOSE, COPY, DOCTOR} <= set(buttons)
    assert not (opening and RETRY in buttons) and not (waiting and WAIT in buttons)


@given(st.text(), st.text())
def test_texts_of_others_are_short_lines_that_can_be_seen(message: str, remedy: str) -> None:
    content = page_content("desk", Status(Reason.NOT_OPENED), (), Attempt(MdevviewError(message, remedy)))
    for text in (content.sentence, content.remedy):
        assert text.isprintable() and len(text) < 1100, text


def test_who_waits_is_not_told_to_wait() -> None:
    status = Status(Reason.VM_ENDED, "Xen domain 1 ended")
    assert "'Wait for the VM'" in page_content("desktop", status, (), Attempt(may_wait=True)).remedy
    assert page_content("granted pages", status).remedy == "Start it again, and press 'Retry'."
    assert page_content("desktop", status, (), Attempt(waiting=True)).remedy == (
        "Start it again; its screen then appears by itself."
    )
