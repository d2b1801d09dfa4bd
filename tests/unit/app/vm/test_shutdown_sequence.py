"""The steps that end a VM: never more force than needed, and none that is not allowed."""

from hypothesis import given
from hypothesis import strategies as st

from app.vm.shutdown_sequence import ShutdownSequence, ShutdownStep, ShutdownTimeouts

S = 1_000_000_000
TIMEOUTS = ShutdownTimeouts(powerdown=60, quit=10, terminate=5, kill=2)


def _steps(sequence: ShutdownSequence, now: int = 0) -> list[tuple[int, ShutdownStep]]:
    """The steps for a VM that never ends, and after how many seconds each is due."""
    done = []
    while sequence.due is not None:
        now = max(now, sequence.due)
        progress = sequence.advance(now)
        if progress.step is not None:
            done.append((now // S, progress.step))
    return done


def test_each_step_gets_its_time_before_the_next() -> None:
    assert _steps(ShutdownSequence(monitor=True, owned=True, timeouts=TIMEOUTS)) == [
        (0, ShutdownStep.POWERDOWN),
        (60, ShutdownStep.QUIT),
        (70, ShutdownStep.TERMINATE),
        (75, ShutdownStep.KILL),
    ]


def test_a_vm_that_is_not_our_child_gets_no_signal() -> None:
    sequence = ShutdownSequence(monitor=True, owned=False)
    assert [step for _, step in _steps(sequence)] == [ShutdownStep.POWERDOWN, ShutdownStep.QUIT]
    assert not sequence.advance(10**18).step


def test_a_vm_without_a_monitor_gets_signals() -> None:
    assert [step for _, step in _steps(ShutdownSequence(monitor=False, owned=True))] == [
        ShutdownStep.TERMINATE,
        ShutdownStep.KILL,
    ]


def test_a_vm_with_neither_cannot_be_ended() -> None:
    progress = ShutdownSequence(monitor=False, owned=False).advance(0)
    assert progress.over
    assert "no monitor" in progress.message


def test_a_paused_guest_is_not_asked_to_power_off() -> None:
    progress = ShutdownSequence(monitor=True, owned=True, run_state="paused").advance(0)
    assert progress.step is ShutdownStep.QUIT
    assert "the VM is paused" in progress.message


def test_the_end_of_a_vm_is_reported_once_and_no_step_follows() -> None:
    sequence = ShutdownSequence(monitor=True, owned=True, timeouts=TIMEOUTS)
    sequence.advance(0)
    progress = sequence.advance(30 * S, ended=True)
    assert (progress.step, progress.message, progress.over) == (None, "the VM ended", True)
    assert sequence.due is None
    after = sequence.advance(99 * S, ended=True)
    assert (after.step, after.message, after.over) == (None, "", True)


def test_nothing_is_done_before_it_is_due() -> None:
    sequence = ShutdownSequence(monitor=True, owned=True, timeouts=TIMEOUTS)
    sequence.advance(0)
    progress = sequence.advance(59 * S)
    assert (progress.step, progress.message, progress.over) == (None, "", False)


def test_after_a_failed_step_the_next_is_due_at_once() -> None:
    sequence = ShutdownSequence(monitor=True, owned=True, timeouts=TIMEOUTS)
    sequence.advance(0)
    sequence.step_failed(ShutdownStep.POWERDOWN, "the VM does not answer")
    progress = sequence.advance(1 * S)
    assert progress.step is ShutdownStep.QUIT
    assert "the VM does not answer" in progress.message
    # A late answer to a step that is over does not shorten the next one.
    sequence.step_failed(ShutdownStep.POWERDOWN, "")
    assert sequence.advance(2 * S).step is None


def test_a_guest_that_is_off_while_qemu_stays_is_not_waited_for() -> None:
    sequence = ShutdownSequence(monitor=True, owned=True, timeouts=TIMEOUTS)
    sequence.advance(0)
    sequence.guest_off()
    progress = sequence.advance(3 * S)
    assert progress.step is ShutdownStep.QUIT
    assert "the guest is off" in progress.message


def test_a_user_can_skip_the_wait_of_a_step() -> None:
    sequence = ShutdownSequence(monitor=True, owned=True, timeouts=TIMEOUTS)
    sequence.advance(0)
    sequence.skip_wait()
    assert sequence.advance(1 * S).step is ShutdownStep.QUIT
    assert sequence.advance(2 * S).step is None


def test_without_force_a_guest_that_does_not_power_off_is_left_to_the_user() -> None:
    sequence = ShutdownSequence(monitor=True, owned=True, timeouts=TIMEOUTS, forces=False)
    assert sequence.advance(0).step is ShutdownStep.POWERDOWN
    progress = sequence.advance(60 * S)
    assert (progress.step, progress.message, progress.over) == (None, "the guest has not powered off", False)
    assert sequence.waits_for_force and sequence.advance(10**6 * S).step is None
    sequence.skip_wait()
    # After one word of the user, all that is needed follows.
    assert _steps(sequence, 10**6 * S) == [
        (10**6, ShutdownStep.QUIT),
        (10**6 + 10, ShutdownStep.TERMINATE),
        (10**6 + 15, ShutdownStep.KILL),
    ]


def test_without_force_a_guest_that_cannot_be_asked_is_left_to_the_user() -> None:
    paused = ShutdownSequence(monitor=True, owned=True, run_state="paused", forces=False)
    assert paused.advance(0).message == "the VM is paused"
    deaf = ShutdownSequence(monitor=False, owned=True, forces=False)
    assert "cannot be asked" in deaf.advance(0).message
    refused = ShutdownSequence(monitor=True, owned=True, forces=False)
    refused.advance(0)
    refused.step_failed(ShutdownStep.POWERDOWN, "no ACPI")
    assert refused.advance(S).message == "the guest could not be asked (no ACPI)"
    for sequence, step in ((paused, ShutdownStep.QUIT), (deaf, ShutdownStep.TERMINATE), (refused, ShutdownStep.QUIT)):
        assert sequence.waits_for_force
        sequence.skip_wait()
        assert sequence.advance(2 * S).step is step


def test_without_force_qemu_is_told_to_quit_when_its_guest_is_off() -> None:
    sequence = ShutdownSequence(monitor=True, owned=True, forces=False)
    sequence.advance(0)
    sequence.guest_off()
    assert sequence.advance(S).step is ShutdownStep.QUIT


@given(st.booleans(), st.booleans(), st.lists(st.tuples(st.sampled_from(["wait", "failed"]), st.integers(0, 100))))
def test_without_force_time_and_failures_alone_never_end_a_vm(
    monitor: bool, owned: bool, events: list[tuple[str, int]]
) -> None:
    sequence = ShutdownSequence(monitor, owned, forces=False)
    now = 0
    for event, seconds in events:
        now += seconds * S
        if event == "failed":
            sequence.step_failed(ShutdownStep.POWERDOWN, "no")
        assert sequence.advance(now).step in (None, ShutdownStep.POWERDOWN)


_EVENT = st.sampled_from(["wait", "ended", "failed", "off", "skip"])


@given(st.booleans(), st.booleans(), st.lists(st.tuples(_EVENT, st.integers(0, 100)), max_size=30))
def test_each_step_uses_more_force_whatever_happens(monitor: bool, owned: bool, events: list[tuple[str, int]]) -> None:
    sequence = ShutdownSequence(monitor, owned)
    now, ended = 0, False
    done: list[ShutdownStep] = []
    for event, seconds in events:
        now += seconds * S
        match event:
            case "failed" if done:
                sequence.step_failed(done[-1], "no")
            case "off":
                sequence.guest_off()
            case "skip":
                sequence.skip_wait()
        progress = sequence.advance(now, ended=ended or event == "ended")
        assert not (progress.step and (ended or event == "ended"))
        ended = ended or event == "ended"
        if progress.step:
            assert progress.message
            done.append(progress.step)
    assert [list(ShutdownStep).index(each) for each in done] == sorted(
        {list(ShutdownStep).index(each) for each in done}
    )
    assert owned or not {ShutdownStep.TERMINATE, ShutdownStep.KILL} & set(done)
