"""The helper's answer: what the viewer makes of every one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.attach.helper_answer import MAX_FDS, parse_answer
from app.attach.helper_request import request_fds
from app.errors import MdevviewError, NoSuchDevice, OpenFailed, PermissionDenied, ProcessGone
from tests.unit.app.attach.installed_helper import Make, close_fds


@pytest.mark.parametrize(
    ("kind", "error"),
    [("process", ProcessGone), ("device", NoSuchDevice), ("rights", PermissionDenied), (3, PermissionDenied)],
)
def test_refusals_keep_their_reason(make: Make, kind: object, error: type[MdevviewError]) -> None:
    with pytest.raises(error, match="refused: not that one") as caught:
        request_fds(4711, installation=make(f"answer({{'refused': 'not that one', 'kind': {kind!r}}})"))
    assert type(caught.value) is error


@pytest.mark.parametrize(
    "script",
    [
        "out.send(b'\\xff\\0 no JSON')",
        "out.send(b'[' * 60000)",
        "answer([1])",
        "answer({'fds': [], 'groups': []})",
        "answer({'fds': [3], 'groups': []})",
        "answer({'fds': [3, 4], 'groups': []}, 0)",
        "answer({'fds': [True], 'groups': []}, 0)",
        "answer({'fds': [-1], 'groups': []}, 0)",
        "answer({'fds': [3], 'groups': 'x'}, 0)",
        "answer({'refused': 'but here it is', 'kind': 'rights'}, 0)",
        f"answer({{'fds': list(range({MAX_FDS + 6})), 'groups': []}}, *[0] * {MAX_FDS + 6})",
        "answer({'fds': [3], 'groups': [], 'more': 'x' * 100000}, 0)",
        "socket.send_fds(out, [b'\\0'], [0])",
    ],
)
def test_garbage_is_one_clear_error_and_keeps_no_fd_open(make: Make, script: str) -> None:
    with pytest.raises(OpenFailed, match="cannot be understood"):
        request_fds(4711, installation=make(script))


def test_another_fd_than_the_one_asked_for_is_not_taken(make: Make) -> None:
    setup = make("answer({'fds': [6], 'groups': []}, 0)")
    with pytest.raises(OpenFailed, match="another fd"):
        request_fds(4711, 5, installation=setup)
    close_fds(request_fds(4711, 6, installation=setup))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


_NEARLY_RIGHT = {
    "fds": _JSON | st.lists(st.integers(-2, 1 << 32)),
    "groups": _JSON | st.just([]),
    "refused": _JSON,
    "kind": _JSON,
}


_NUMBER = st.integers(0, (1 << 31) - 1)
_NUMBERS = st.lists(_NUMBER, max_size=4) | st.lists(
    _NUMBER | st.sampled_from([-1, 1 << 31, True, 5.0, "5", None]), max_size=4
)
_MESSAGES = st.one_of(
    st.binary(max_size=200),
    _JSON.map(lambda each: json.dumps(each).encode()),
    st.fixed_dictionaries({}, optional=_NEARLY_RIGHT).map(lambda each: json.dumps(each).encode()),
)


@given(_MESSAGES, st.integers(0, 70))
def test_any_answer_gives_as_many_numbers_as_fds_or_one_error(message: bytes, count: int) -> None:
    try:
        answer = parse_answer(message, count)
    except MdevviewError:
        return
    assert 0 < count == len(answer.numbers)
    assert all(type(each) is int and 0 <= each < 1 << 31 for each in answer.numbers + answer.groups)


@given(_NUMBERS, _NUMBERS, st.sampled_from([0, 0, 0, 1, -1]))
def test_numbers_that_are_right_are_taken_as_they_are(fds: list[object], groups: list[object], more: int) -> None:
    count = max(0, len(fds) + more)
    right = [type(each) is int and 0 <= each < 1 << 31 for each in fds + groups]
    message = json.dumps({"fds": fds, "groups": groups}).encode()
    if all(right) and 0 < count == len(fds):
        answer = parse_answer(message, count)
        assert (answer.numbers, answer.groups) == (tuple(fds), tuple(groups))
    else:
        with pytest.raises(OpenFailed):
            parse_answer(message, count)
