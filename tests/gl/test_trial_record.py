"""The record of import trials: what it remembers, and that nothing in its file can do harm."""

import json
import logging
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl.trial_record import TrialAnswer, TrialEnd, TrialRecord, parse_record, record_path

SURVIVED = TrialAnswer(TrialEnd.SURVIVED)
CRASH = TrialAnswer(TrialEnd.SIGNAL, "the trial was ended by SIGSEGV")
HANG = TrialAnswer(TrialEnd.TIME, "the trial did not end within 10 s")
DAY = 86_400


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "mdevview" / "import-trials.json"


def test_answers_are_remembered_for_the_next_start(path: Path) -> None:
    record = TrialRecord(path)
    assert record.get("one") is None
    record.put("one", SURVIVED)
    record.put("two", CRASH)
    for each in (record, TrialRecord(path)):
        assert (each.get("one"), each.get("two"), each.get("three")) == (SURVIVED, CRASH, None)
    assert TrialRecord(path).crashes() == {"two": CRASH}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_two_viewers_keep_each_others_answers(path: Path) -> None:
    first, second = TrialRecord(path), TrialRecord(path)
    assert (first.get("one"), second.get("one")) == (None, None)
    first.put("one", SURVIVED)
    second.put("two", CRASH)
    third = TrialRecord(path)
    assert (third.get("one"), third.get("two")) == (SURVIVED, CRASH)


@pytest.mark.parametrize(
    ("answer", "life"), [(SURVIVED, None), (CRASH, 7 * DAY), (HANG, DAY)], ids=["survived", "crash", "hang"]
)
def test_bad_answers_are_tried_again_some_day(path: Path, answer: TrialAnswer, life: int | None) -> None:
    now = 1_000_000_000
    TrialRecord(path, lambda: now).put("key", answer)

    def after(seconds: int) -> TrialAnswer | None:
        return TrialRecord(path, lambda: now + seconds).get("key")

    if life is None:
        assert after(1000 * DAY) == answer
    else:
        assert (after(life - 1), after(life)) == (answer, None)
        # A clock that was far ahead when the answer was written does not make it last for ever.
        assert after(-life) is None


def test_the_newest_answers_stay(path: Path) -> None:
    for number in range(200):
        TrialRecord(path, lambda number=number: number).put(f"key {number}", SURVIVED)  # type: ignore[misc]
    kept = TrialRecord(path)
    assert [kept.get(f"key {number}") for number in (0, 71)] == [None, None]
    assert [kept.get(f"key {number}") for number in (72, 199)] == [SURVIVED, SURVIVED]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
ENTRY = st.fixed_dictionaries(
    {
        "end": st.sampled_from([*(each.value for each in TrialEnd), "?"]) | JSON,
        "detail": st.text(max_size=5) | JSON,
        "when": st.integers() | JSON,
    }
)
DOCUMENT = st.fixed_dictionaries(
    {"version": st.sampled_from([1, 1, 2]) | JSON, "answers": st.dictionaries(st.text(max_size=5), ENTRY | JSON) | JSON}
)


@given(st.binary(max_size=200) | st.one_of(DOCUMENT, JSON).map(lambda each: json.dumps(each).encode()))
def test_a_file_is_a_record_or_a_value_error(data: bytes) -> None:
    try:
        entries = parse_record(data)
    except ValueError:
        return
    for key, entry in entries.items():
        assert isinstance(key, str) and isinstance(entry.answer.end, TrialEnd)
        assert isinstance(entry.answer.detail, str) and type(entry.when) is int
        entry.lives(1e9)


def damaged(path: Path, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the file one that must not be used."""
    match damage:
        case "cut off":
            path.write_bytes(path.read_bytes()[:-10])
        case "endless":
            path.write_bytes(path.read_bytes() + b" " * 300_000)
        case "deep":
            path.write_bytes(b'{"version": 1, "answers":' + b"[" * 100_000)
        case "huge number":
            path.write_text(path.read_text().replace('"when": ', '"when": ' + "9" * 10_000))
        case "link":
            path.rename(path.with_name("other"))
            path.symlink_to("other")
        case "pipe":
            path.unlink()
            os.mkfifo(path, 0o600)
        case "folder":
            path.unlink()
            path.mkdir(0o700)
        case "writable by others":
            path.chmod(0o666)
        case "folder writable by others":
            path.parent.chmod(0o777)
        case "another user's":
            monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)


DAMAGES = (
    "cut off",
    "endless",
    "deep",
    "huge number",
    "link",
    "pipe",
    "folder",
    "writable by others",
    "folder writable by others",
    "another user's",
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_cannot_be_trusted_is_not_used(
    path: Path, damage: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    TrialRecord(path).put("key", SURVIVED)
    damaged(path, damage, monkeypatch)
    record = TrialRecord(path)
    assert record.get("key") is None
    record.put("key", CRASH)
    assert record.get("key") == CRASH, "it is remembered in this process all the same"
    told = [each for each in caplog.records if each.levelno >= logging.INFO]
    assert len(told) == 1 and str(path) in told[0].getMessage()
    assert not [each for each in path.parent.iterdir() if each.name.startswith(".")], "a temporary file was left"


def test_a_full_disk_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    TrialRecord(path).put("one", SURVIVED)

    def fail(_self: Path, _target: Path) -> Any:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        TrialRecord(path).put("two", CRASH)
    assert (TrialRecord(path).get("one"), TrialRecord(path).get("two")) == (SURVIVED, None)
    assert list(path.parent.iterdir()) == [path]


def test_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert record_path() == Path("/caches/mdevview/import-trials.json")
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert record_path() == Path("/home/someone/.cache/mdevview/import-trials.json")
