"""The request to root for the files of Xen, with scripts in the real programs' places."""

import json
import os
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.attach.helper_fds import HelperMethod
from app.attach.xen_files import XenFilesRequest, accept_files, request_xen_files
from app.errors import MdevviewError, NoSuchDevice, OpenFailed, PermissionDenied
from tests.unit.app.attach.installed_helper import SEES_PROMPTS, Make

_THREE = "{'files': ['gntdev', 'evtchn', 'xenbus']}"
_HAND_OVER = f"answer({_THREE}, *[os.open(each, os.O_RDWR) for each in ('/dev/null', '/dev/zero', '/dev/full')])"


def test_files_arrive_in_their_order_and_are_the_callers(make: Make) -> None:
    files = request_xen_files(installation=make(_HAND_OVER))
    try:
        numbers = [os.fstat(each).st_rdev for each in (files.gntdev, files.evtchn, files.xenbus)]
        assert numbers == [os.makedev(1, minor) for minor in (3, 5, 7)]
        assert not any(os.get_inheritable(each) for each in files)
    finally:
        for each in files:
            os.close(each)


def test_window_can_watch_the_request(make: Make) -> None:
    with XenFilesRequest(installation=make(f"time.sleep(0.1); {_HAND_OVER}")) as request:
        request.start()
        while not request.is_done():
            pass
        for each in request.result():
            os.close(each)
        assert request.fileno() == -1


def test_question_says_what_it_is_about_and_asks_for_nothing_else(make: Make) -> None:
    tell = "answer({'refused': json.dumps(sys.argv[1:])})"
    with pytest.raises(PermissionDenied, match=r"refused: \[\]"):
        request_xen_files(installation=make(tell))
    # It keeps the words that sudo is to ask with.
    asks = make(tell, SEES_PROMPTS, sudo='echo "$3" >&2; exit 1')
    with pytest.raises(PermissionDenied, match="control of this Xen host"):
        request_xen_files(HelperMethod.SUDO, asks)


def test_refusals_keep_their_reason(make: Make) -> None:
    with pytest.raises(NoSuchDevice, match="is xen-gntdev loaded"):
        request_xen_files(installation=make("answer({'refused': 'is xen-gntdev loaded?', 'kind': 'device'})"))
    with pytest.raises(PermissionDenied, match=r"open the files of Xen in /dev/xen"):
        request_xen_files(HelperMethod.NEVER, make())
    setup = make()
    setup.helper.unlink()
    with pytest.raises(PermissionDenied, match=r"mdevview-getfd is not installed"):
        request_xen_files(installation=setup)


@pytest.mark.parametrize(
    "script",
    [
        f"answer({_THREE})",
        f"answer({_THREE}, 0)",
        f"answer({_THREE}, 0, 0, 0)",  # sockets
        f"answer({_THREE}, *[os.open('/dev/null', 2)] * 4)",
        "answer({'files': ['gntdev', 'xenbus', 'evtchn']}, *[os.open('/dev/null', 2)] * 3)",
        "answer({'fds': [1, 2, 3], 'groups': []}, *[os.open('/dev/null', 2)] * 3)",
        f"answer({_THREE}, *[os.open('/dev/null', 2)] * 80)",
        "answer([1])",
    ],
)
def test_other_answers_are_one_clear_error_and_keep_no_fd_open(make: Make, script: str) -> None:
    with pytest.raises(OpenFailed, match="cannot be understood"):
        request_xen_files(installation=make(script))


@given(
    st.dictionaries(st.sampled_from(["files", "refused", "kind"]), st.lists(st.text()) | st.text() | st.none())
    | st.lists(st.integers()),
    st.integers(0, 3),
)
def test_any_answer_gives_three_files_or_one_error(document: object, count: int) -> None:
    fds = [os.open("/dev/null", os.O_RDWR) for _ in range(count)]
    try:
        with suppress(MdevviewError):
            files = accept_files(json.dumps(document).encode(), fds, 0)
            assert list(files) == fds
            assert len(fds) == 3
    finally:
        for each in fds:
            os.close(each)
