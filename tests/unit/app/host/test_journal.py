"""Messages of systemd's journal, by a program in the place of journalctl."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.host.journal import KERNEL, parse_journal, read_journal
from app.host.log_line import LogRefused


def _program(tmp_path: Path, script: str) -> str:
    program = tmp_path / "journalctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


def _entry(text: object, stamp: str, **more: object) -> str:
    return json.dumps({"MESSAGE": text, "__REALTIME_TIMESTAMP": stamp, **more})


def _any(_level: int, _text: str) -> bool:
    return True


def test_the_last_messages_of_this_boot(tmp_path: Path) -> None:
    lines = [_entry(f"gvt: {number}", "1000000", PRIORITY="3") for number in range(5)]
    (tmp_path / "out").write_text("\n".join(lines))
    program = _program(tmp_path, f'echo "$@" >{tmp_path}/arguments; cat {tmp_path}/out')
    found = read_journal([KERNEL, "SYSLOG_IDENTIFIER=x"], lambda level, _text: level == 3, 2, 20, program)
    assert [each.text for each in found] == ["gvt: 3", "gvt: 4"]
    arguments = (tmp_path / "arguments").read_text()
    assert "--boot" in arguments and "_TRANSPORT=kernel + SYSLOG_IDENTIFIER=x" in arguments


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'Hint: You are currently not seeing messages from other users and the system.' >&2", "join the group"),
        ("echo 'No journal files were opened due to insufficient permissions.' >&2; exit 1", "join the group"),
        ("echo 'No journal files were found.' >&2", "No journal files were found"),
        ("exec sleep 60", "did not answer"),
    ],
)
def test_a_refusal_says_why(tmp_path: Path, script: str, reason: str) -> None:
    began = time.monotonic()
    with pytest.raises(LogRefused, match=reason):
        read_journal([KERNEL], _any, 8, 1.0 if "sleep" in script else 20, _program(tmp_path, script))
    assert time.monotonic() - began < 30


def test_a_host_without_the_program() -> None:
    with pytest.raises(LogRefused, match="not installed"):
        read_journal([KERNEL], _any, 8, program="no-such-journalctl")


@given(
    st.binary() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_any_output_gives_messages_or_nothing(output: bytes) -> None:
    assert list(parse_journal(output, 0.0)) == []


@given(st.text() | st.lists(st.integers(0, 255)) | st.none(), st.text(), st.text() | st.none())
def test_any_fields_give_a_message_or_nothing(text: object, stamp: str, priority: object) -> None:
    for each in parse_journal(_entry(text, stamp, PRIORITY=priority).encode(), 0.0):
        assert each.text == text and 0 <= each.level <= 7
