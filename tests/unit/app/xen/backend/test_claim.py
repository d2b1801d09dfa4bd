"""Whether the process that serves a device still runs."""

import os
import subprocess

import pytest

from app.host.process import start_time
from app.xen.backend.claim import is_claimed, own_claim


def test_this_process_runs_and_one_that_ended_does_not() -> None:
    assert is_claimed(own_claim())
    with subprocess.Popen(["sleep", "60"]) as process:
        claim = f"{process.pid} {start_time(process.pid)}"
        assert is_claimed(claim)
        process.kill()
    assert not is_claimed(claim)


def test_another_process_with_the_same_number_is_not_the_one_that_claimed() -> None:
    assert not is_claimed(f"{os.getpid()} {start_time(os.getpid()) + 1}")


@pytest.mark.parametrize("claim", ["", "1", "-1 5", "0x1 5", "999999999999999999999 5", "9" * 19 + " 5", "٣ 5"])
def test_a_text_that_no_process_wrote_claims_nothing(claim: str) -> None:
    assert not is_claimed(claim)


def test_a_process_that_proc_hides_still_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with hidepid=2, where another user's process is in no listing."""

    def kill(pid: int, signal: int) -> None:
        assert (pid, signal) == (hidden, 0)
        raise PermissionError

    with subprocess.Popen(["true"]) as process:
        hidden = process.pid
    monkeypatch.setattr("app.xen.backend.claim.os.kill", kill)
    assert is_claimed(f"{hidden} 1")
