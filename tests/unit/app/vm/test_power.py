"""What a VM can do in which state. The states are QEMU's words, and a VM may say any word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.vm.power import PowerAction, refusal

_STATES = (
    *("debug", "inmigrate", "internal-error", "io-error", "paused", "postmigrate", "prelaunch", "finish-migrate"),
    *("restore-vm", "running", "save-vm", "shutdown", "suspended", "watchdog", "guest-panicked", "colo"),
)


def _possible(run_state: str | None) -> set[PowerAction]:
    return {each for each in PowerAction if not refusal(each, run_state)}


@pytest.mark.parametrize(
    ("run_state", "possible"),
    [
        ("running", set(PowerAction) - {PowerAction.RESUME}),
        ("paused", {PowerAction.RESUME, PowerAction.RESET, PowerAction.FORCE_OFF}),
        # A sleeping guest is woken by its power button, and by no command that mdevview has.
        ("suspended", {PowerAction.POWERDOWN, PowerAction.RESET, PowerAction.FORCE_OFF}),
        # QEMU demands a reset before these go on (runstate_needs_reset()).
        ("shutdown", {PowerAction.RESET, PowerAction.FORCE_OFF}),
        ("internal-error", {PowerAction.RESET, PowerAction.FORCE_OFF}),
        ("finish-migrate", {PowerAction.FORCE_OFF}),
        (None, set(PowerAction)),
    ],
)
def test_a_state_allows_what_qemu_does_in_it(run_state: str | None, possible: set[PowerAction]) -> None:
    assert _possible(run_state) == possible


@given(st.sampled_from(_STATES) | st.text("abc-", min_size=1, max_size=20))
def test_force_off_is_always_there_and_each_refusal_names_its_reason(run_state: str) -> None:
    possible = _possible(run_state)
    assert PowerAction.FORCE_OFF in possible
    assert not {PowerAction.PAUSE, PowerAction.RESUME} <= possible
    for action in set(PowerAction) - possible:
        assert run_state in refusal(action, run_state) or refusal(action, run_state) == "the guest is off"
