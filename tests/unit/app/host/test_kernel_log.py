"""The kernel's log: only its own lines, with their age, and a refusal that tells what would allow it."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.host.kernel_log import parse_records, read_kernel_log
from app.host.log_line import LogLine, LogRefused
from app.host.paths import Paths

LOG = (
    b"6,1,0,-;Linux version 6.12\n"
    b"3,2,5000000,-;gvt: vgpu 1: fail to emulate MMIO read\n SUBSYSTEM=pci\n DEVICE=+pci:0000:00:02.0\n"
    b"12,3,6000000,-;a program of root says gvt: nonsense\n"
    b"3,4,7000000,-,caller=T12;Now vgpu 1 will enter failsafe mode.\n"
    b"3,5,8000000,c;gvt: vgpu 2: other\n"
)


def _host(tmp_path: Path, log: bytes) -> Paths:
    (tmp_path / "kmsg").write_bytes(log)
    return Paths(dev=tmp_path)


def _any(_level: int, _text: str) -> bool:
    return True


def test_the_last_accepted_lines_come_with_their_age(tmp_path: Path) -> None:
    paths = _host(tmp_path, LOG)
    lines = read_kernel_log(lambda level, _text: level == 3, 2, paths, now_s=10.0)
    assert lines == [
        LogLine(3, 3.0, "Now vgpu 1 will enter failsafe mode."),
        LogLine(3, 2.0, "gvt: vgpu 2: other"),
    ]
    assert len(read_kernel_log(_any, 9, paths)) == 4, "the line of a program must be left out"


def test_a_refusal_says_what_would_allow_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_more: object) -> int:
        raise PermissionError(1, "Operation not permitted")

    paths = _host(tmp_path, LOG)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(LogRefused, match="dmesg_restrict=0"):
        read_kernel_log(_any, 8, paths)


def test_a_host_without_the_node(tmp_path: Path) -> None:
    with pytest.raises(LogRefused, match="No such file"):
        read_kernel_log(_any, 8, Paths(dev=tmp_path))


def test_reading_ends_when_the_log_has_no_more_lines() -> None:
    """On the real node, which never ends, if this user may read it."""
    try:
        lines = read_kernel_log(_any, 8)
    except LogRefused as refused:
        assert "kmsg" in str(refused)
    else:
        assert len(lines) <= 8


@given(st.binary(max_size=300) | st.builds(bytes.__add__, st.sampled_from([b"3,1,5,-;", b"3,", b"4,,,;"]), st.binary()))
def test_any_bytes_give_lines_or_nothing(data: bytes) -> None:
    for each in parse_records(data, 1.0):
        assert 0 <= each.level <= 7
        assert each.ago_s >= 0
        assert "\n" not in each.text


@given(st.integers(0, 7), st.integers(0, 10**15), st.text(st.characters(codec="ascii", exclude_characters="\n")))
def test_a_valid_record_comes_back(level: int, microseconds: int, text: str) -> None:
    record = f"{level},77,{microseconds},-;{text}\n KEY=value\n".encode()
    (line,) = parse_records(record, 1e12)
    assert (line.level, line.text) == (level, text)
    assert line.ago_s == pytest.approx(1e12 - microseconds / 1e6)
