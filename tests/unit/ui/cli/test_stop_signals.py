"""Signals that ask a program to stop."""

import signal

import pytest

from ui.cli.stop_signals import StopSignals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_are_counted_and_given_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with StopSignals() as stops:
        for _ in range(3):
            signal.raise_signal(number)
        assert stops.count == 3
        stops.clear()
        stops.clear()
        assert stops.count == 3
    assert signal.getsignal(number) is before
    stops.close()


def test_a_signal_after_the_last_one_that_is_counted_does_what_it_did_before() -> None:
    with StopSignals(limit=1) as stops:
        signal.raise_signal(signal.SIGINT)
        assert stops.count == 1
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """So does a run after nohup, whose terminal goes."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals() as stops:
            signal.raise_signal(signal.SIGHUP)
            assert stops.count == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
