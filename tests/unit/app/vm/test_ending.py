"""How a VM is ended: gently first, and never more rudely than it is ours to be."""

from hypothesis import given
from hypothesis import strategies as st

from app.vm.ending import Ending, Grace, Step

S = 1_000_000_000
GRACE = Grace(powerdown=60, quit=10, terminate=5, kill=2)


def _steps(ending: Ending, now: int = 0) -> list[tuple[int, Step]]:
    """What is done to a VM that never ends, and after how many seconds."""
    done = []
    while ending.due is not None:
        now = max(now, ending.due)
        report = ending.look(now)
        if report.step is not None:
            done.append((now // S, report.step))
    return done


def test_each_step_gets_its_time_before_the_next() -> None:
    assert _steps(Ending(monitor=True, owned=True, grace=GRACE)) == [
        (0, Step.POWERDOWN),
        (60, Step.QUIT),
        (70, Step.TERMINATE),
        (75, Step.KILL),
    ]


def test_a_vm_that_is_not_our_child_gets_no_signal() -> None:
    ending = Ending(monitor=True, owned=False)
    assert [step for _, step in _steps(ending)] == [Step.POWERDOWN, Step.QUIT]
    assert not ending.look(10**18).step


def test_a_vm_without_a_monitor_gets_signals() -> None:
    assert [step for _, step in _steps(Ending(monitor=False, owned=True))] == [Step.TERMINATE, Step.KILL]


def test_a_vm_with_neither_says_so() -> None:
    report = Ending(monitor=False, owned=False).look(0)
    assert report.over
    assert "no monitor" in report.words


def test_a_paused_guest_is_not_asked_to_power_off() -> None:
    report = Ending(monitor=True, owned=True, run_state="paused").look(0)
    assert report.step is Step.QUIT
    assert "the VM is paused" in report.words


def test_a_vm_that_ends_is_reported_once_and_left_alone() -> None:
    ending = Ending(monitor=True, owned=True, grace=GRACE)
    ending.look(0)
    report = ending.look(30 * S, ended=True)
    assert (report.step, report.words, report.over) == (None, "the VM ended", True)
    assert ending.due is None
    after = ending.look(99 * S, ended=True)
    assert (after.step, after.words, after.over) == (None, "", True)


def test_nothing_is_done_before_it_is_due() -> None:
    ending = Ending(monitor=True, owned=True, grace=GRACE)
    ending.look(0)
    report = ending.look(59 * S)
    assert (report.step, report.words, report.over) == (None, "", False)


def test_a_refused_step_is_followed_by_the_next_at_once() -> None:
    ending = Ending(monitor=True, owned=True, grace=GRACE)
    ending.look(0)
    ending.refused(Step.POWERDOWN, "the VM does not answer")
    report = ending.look(1 * S)
    assert report.step is Step.QUIT
    assert "the VM does not answer" in report.words
    # Its answer comes late, when the next step is under way: that gets its time all the same.
    ending.refused(Step.POWERDOWN, "")
    assert ending.look(2 * S).step is None


def test_a_guest_that_is_off_while_qemu_stays_is_not_waited_for() -> None:
    ending = Ending(monitor=True, owned=True, grace=GRACE)
    ending.look(0)
    ending.guest_off()
    report = ending.look(3 * S)
    assert report.step is Step.QUIT
    assert "the guest is off" in report.words


def test_a_user_who_will_not_wait_gets_the_next_step() -> None:
    ending = Ending(monitor=True, owned=True, grace=GRACE)
    ending.look(0)
    ending.impatient()
    assert ending.look(1 * S).step is Step.QUIT
    assert ending.look(2 * S).step is None


_EVENT = st.sampled_from(["look", "ended", "refused", "off", "impatient"])


@given(st.booleans(), st.booleans(), st.lists(st.tuples(_EVENT, st.integers(0, 100)), max_size=30))
def test_steps_only_ever_get_ruder_whatever_happens(monitor: bool, owned: bool, events: list[tuple[str, int]]) -> None:
    ending = Ending(monitor, owned)
    now, ended = 0, False
    done: list[Step] = []
    for event, seconds in events:
        now += seconds * S
        match event:
            case "refused" if done:
                ending.refused(done[-1], "no")
            case "off":
                ending.guest_off()
            case "impatient":
                ending.impatient()
        report = ending.look(now, ended=ended or event == "ended")
        assert not (report.step and (ended or event == "ended"))
        ended = ended or event == "ended"
        if report.step:
            assert report.words
            done.append(report.step)
    assert [list(Step).index(each) for each in done] == sorted({list(Step).index(each) for each in done})
    assert owned or not {Step.TERMINATE, Step.KILL} & set(done)
