"""How often something happens, by a clock of our own."""

from app.measure.loop.rate import Rate

_MS = 1_000_000
_SECOND = 1000 * _MS


def test_the_rate_forgets_what_is_older_than_a_second() -> None:
    rate = Rate()
    for time in range(0, _SECOND, 100 * _MS):
        rate.add(time)
    assert rate.per_second(950 * _MS) == 10
    assert rate.per_second(1450 * _MS) == 5
    assert rate.per_second(3 * _SECOND) == 0
