"""The clock of a recording: it plays, waits, steps and jumps, and never leaves the recording."""

from hypothesis import given
from hypothesis import strategies as st

from app.open.session import Playback
from app.replay.playback import RecordingClock
from app.replay.recording import Recording
from app.replay.schema import Query
from tests.recordings import MS, START, context


class _Now:
    def __init__(self) -> None:
        self.ns = START

    def __call__(self) -> int:
        return self.ns


def _recording(*times_ms: int) -> Recording:
    recording = Recording(context(), START)
    for each in times_ms:
        recording.add(Query(1, 2, None, 22), START + each * MS)
    recording.finish()
    return recording


def _playing(*times_ms: int, speed: float = 1.0) -> tuple[RecordingClock, _Now]:
    now = _Now()
    return RecordingClock(_recording(*times_ms), speed, clock=now), now


def test_it_starts_with_the_first_poll_and_stays_at_the_end() -> None:
    clock, now = _playing(0, 100)
    now.ns += 5000 * MS
    assert clock.tick() == 0
    now.ns += 50 * MS
    assert clock.tick() == 50 * MS
    now.ns += 500 * MS
    assert clock.tick() == 100 * MS == clock.duration_ns


def test_pause_resume_and_speed_keep_the_position() -> None:
    clock, now = _playing(0, 1000)
    clock.tick()
    now.ns += 100 * MS
    clock.pause()
    now.ns += 100 * MS
    assert (clock.paused, clock.position_ns) == (True, 100 * MS)
    clock.resume()
    now.ns += 10 * MS
    clock.set_speed(4.0)
    now.ns += 10 * MS
    assert clock.position_ns == 150 * MS


def test_resume_at_the_end_plays_from_the_start() -> None:
    clock, now = _playing(0, 100)
    clock.tick()
    now.ns += 200 * MS
    clock.resume()
    assert clock.position_ns == 0


def test_step_goes_from_change_to_change() -> None:
    clock, _ = _playing(0, 7, 100)
    clock.tick()
    positions = []
    for _ in range(3):
        clock.step()
        positions.append(clock.tick() // MS)
    assert positions == [7, 100, 100]
    assert clock.paused


def test_as_fast_as_possible_shows_each_change_at_one_poll() -> None:
    clock, _ = _playing(0, 7, 100, speed=0.0)
    assert [clock.tick() // MS for _ in range(5)] == [0, 7, 100, 100, 100]


_CALLS = st.one_of(
    st.tuples(st.just("seek"), st.integers(-(2**70), 2**70)),
    st.tuples(st.just("set_speed"), st.floats(0, 100)),
    st.tuples(st.just("wait"), st.integers(0, 2**40)),
    st.tuples(st.sampled_from(["pause", "resume", "step", "tick"]), st.none()),
)


@given(st.lists(st.integers(0, 5000), max_size=5), st.lists(_CALLS, max_size=30))
def test_the_position_is_always_in_the_recording(times: list[int], calls: list[tuple[str, float | None]]) -> None:
    clock, now = _playing(*sorted(times))
    playback: Playback = clock
    for name, value in calls:
        if name == "wait":
            assert value is not None
            now.ns += int(value)
        elif value is None:
            getattr(clock, name)()
        else:
            getattr(clock, name)(value)
        assert 0 <= playback.position_ns <= playback.duration_ns
