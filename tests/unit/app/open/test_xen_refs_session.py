"""A TARGET of granted pages, from what a user types to a session: on a fake host."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.attach.helper_fds import HelperMethod
from app.errors import MdevviewError, NoSuchDevice, OpenFailed, UsageError
from app.open import xen_refs_session
from app.open.opening import OpenOptions, open_target
from app.open.session import Session
from app.open.target import parse_target
from tests.xen.machine import FakeXen, fake_xen, opened_everywhere
from tests.xen.serving import pixels

_FORM = "size=32x64,format=XR24"
_PICTURE = bytes(range(256)) * 32


@pytest.fixture
def xen() -> Iterator[FakeXen]:
    with fake_xen() as host, opened_everywhere(host):
        yield host


def _opened(text: str) -> Session:
    return open_target(parse_target(text), options=OpenOptions(HelperMethod.NEVER))


def _refusal(text: str) -> MdevviewError:
    with pytest.raises(MdevviewError) as raised:
        _opened(text)
    return raised.value


def _granted(xen: FakeXen) -> tuple[int, ...]:
    """Two pages, whose references begin with 8, of the guest "demo" (domain 1)."""
    memory = xen.create("demo", displays=()).domain.share(len(_PICTURE))
    memory.data[:] = _PICTURE
    return memory.refs


def test_target_opens_the_pages_again_and_says_whose_they_are(xen: FakeXen) -> None:
    _granted(xen)
    target = f"xen:demo,refs=8-9,{_FORM}"
    for _ in range(2):
        session = _opened(target)
        try:
            target = session.target
            assert pixels(session.source.latest()) == _PICTURE
            assert (session.label, session.guest_name) == ("demo, granted pages", "demo")
            assert session.describe()["references"] == {"domid": 1, "guest": "demo", "pages": 2}
            assert session.resolution.refusal is not None and session.input.reason
        finally:
            session.close()


def test_offset_and_stride_choose_a_part_and_only_its_pages_are_mapped(xen: FakeXen) -> None:
    _granted(xen)
    session = _opened("xen:1,refs=8+9+4000000,size=4x2,format=XR24,stride=1024,offset=4096")
    try:
        assert pixels(session.source.latest())[:16] == _PICTURE[4096:4112]
        assert xen.left_over()["mapped pages"] == 2
    finally:
        session.close()


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        (
            "refs=8,size=32x64,format=XR24",
            "the pages of refs= are 4096 bytes, and 32x64 XR24 with stride 128 from byte 0",
        ),
        ("refs=8-9,size=32x64,format=XR24,offset=1", "from byte 1 on needs 8193 bytes; 3 references are needed"),
        ("refs=8-9,size=32x64,format=XR24,stride=127", "stride 127 for 32 pixels"),
        ("refs=8-9,size=32x64,format=ZZZZ", "does not know the format ZZZZ"),
        ("refs=9-8,size=32x64,format=XR24", "refs=: '9-8' is no grant reference"),
    ],
)
def test_values_that_contradict_each_other_are_one_line_before_xen_is_opened(
    xen: FakeXen, rest: str, says: str
) -> None:
    error = _refusal(f"xen:demo,{rest}")
    assert isinstance(error, UsageError) and says in str(error) and error.remedy
    assert "\n" not in str(error) and not xen.hosts


def test_file_that_is_no_list_is_refused_at_once(xen: FakeXen, tmp_path: Path) -> None:
    def refusal() -> str:
        return str(_refusal(f"xen:demo,refs={file},{_FORM}"))

    file = tmp_path / "refs"
    assert "No such file" in refusal()
    os.mkfifo(file)
    assert "it is no regular file" in refusal()
    file.unlink()
    file.write_bytes(b"8\n" * (3 << 20))
    assert "it has more than 4 MiB" in refusal()
    file.write_bytes(b"\x1b[2J\xff 8")
    assert "\x1b" not in refusal()
    assert not xen.hosts


def test_domain_that_cannot_have_granted_them_is_refused(xen: FakeXen) -> None:
    _granted(xen)
    own = _refusal(f"xen:Domain-0,refs=8-9,{_FORM}")
    assert isinstance(own, OpenFailed) and "its own pages cannot be mapped" in str(own)
    assert isinstance(_refusal(f"xen:other,refs=8-9,{_FORM}"), NoSuchDevice)
    assert isinstance(_refusal(f"xen:77,refs=8-9,{_FORM}"), NoSuchDevice)
    wrong = _refusal(f"xen:demo,refs=9-10,{_FORM}")
    assert isinstance(wrong, OpenFailed) and "the pages of demo (domain 1) cannot be mapped: EINVAL" in str(wrong)
    assert not any(each.is_open for each in xen.hosts)


def test_refusal_of_the_own_domain_needs_no_domain_0(xen: FakeXen, monkeypatch: pytest.MonkeyPatch) -> None:
    _granted(xen)
    monkeypatch.setattr(xen_refs_session, "own_domid", lambda _: 1)
    assert "domain 1 is the one that this program runs in" in str(_refusal(f"xen:demo,refs=8-9,{_FORM}"))
