import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.dbus_display.picture.listener_calls import (
    BadCall,
    CursorDefine,
    Disable,
    ListenerCall,
    MouseSet,
    Scanout,
    ScanoutDmabuf,
    ScanoutMap,
    Update,
    UpdateDmabuf,
    UpdateMap,
    listener_call,
)
from app.dbus_display.wire.names import UNKNOWN_METHOD
from app.formats.reading import MAX_EDGE, MAX_STRIDE
from tests.conftest import open_files
from tests.unit.app.dbus_display.picture.calls import (
    INTERFACES,
    SIGNATURES,
    XR24,
    call,
    dmabuf2_call,
    dmabuf_call,
    memfd,
)

_PIXELS = bytes(range(32))


@pytest.mark.parametrize(
    ("member", "body", "expected"),
    [
        ("Scanout", (4, 2, 16, XR24, _PIXELS), Scanout(4, 2, 16, XR24, _PIXELS)),
        ("Update", (-1, 3, 2, 2, 16, XR24, _PIXELS), Update(-1, 3, 2, 2, 16, XR24, _PIXELS)),
        ("UpdateMap", (1, 2, 3, 0), UpdateMap(1, 2, 3, 0)),
        ("UpdateDMABUF", (-5, 2, 2**31 - 1, 4), UpdateDmabuf(-5, 2, 2**31 - 1, 4)),
        ("Disable", (), Disable()),
        ("MouseSet", (-3, 7, 1), MouseSet(-3, 7, True)),
        ("CursorDefine", (2, 4, 1, 0, _PIXELS), CursorDefine(2, 4, 1, 0, _PIXELS)),
    ],
)
def test_a_call_has_its_values(member: str, body: tuple[Any, ...], expected: ListenerCall) -> None:
    assert listener_call(call(member, *body)) == expected


def test_a_call_hands_its_fds_over() -> None:
    for message in (
        call("ScanoutMap", memfd(64), 16, 4, 2, 16, XR24),
        dmabuf_call(memfd(64), y0_top=True),
        dmabuf2_call([memfd(64), memfd(64)], (1, 2, 4, 2), (8, 8), planes=2),
    ):
        found = listener_call(message)
        assert isinstance(found, ScanoutMap | ScanoutDmabuf)
        for fd in (found.fd,) if isinstance(found, ScanoutMap) else found.fds:
            assert os.fstat(fd).st_size == 64
            os.close(fd)


@pytest.mark.parametrize(
    ("member", "body", "words"),
    [
        ("Scanout", (0, 2, 16, XR24, _PIXELS), "0x2 pixels"),
        ("Scanout", (4, MAX_EDGE + 1, 16, XR24, _PIXELS), f"4x{MAX_EDGE + 1} pixels"),
        ("Scanout", (4, 2, 15, XR24, _PIXELS), "a stride of 15 bytes for rows of 16"),
        ("Scanout", (4, 2, MAX_STRIDE + 1, XR24, _PIXELS), f"a stride of {MAX_STRIDE + 1} bytes"),
        ("Scanout", (4, 3, 16, XR24, _PIXELS), "32 bytes where 4x3 pixels with a stride of 16 take 48"),
        ("Scanout", (4, 3, 16, 0x1234, _PIXELS), "32 bytes where"),
        ("Update", (0, 0, -1, 2, 16, XR24, _PIXELS), "-1x2 pixels"),
        ("UpdateMap", (0, 0, 1, -1), "1x-1 pixels changed"),
        ("UpdateDMABUF", (0, 0, -(2**31), 1), "pixels changed"),
        ("CursorDefine", (513, 1, 0, 0, bytes(513 * 4)), "a cursor of 513x1 pixels"),
        ("CursorDefine", (2, 2, 0, 0, bytes(17)), "17 bytes for a cursor of 2x2 pixels"),
        ("CursorDefine", (2, 2, 0, 0, bytes(15)), "15 bytes for a cursor of 2x2 pixels"),
    ],
)
def test_values_out_of_range_are_refused_with_their_numbers(member: str, body: tuple[Any, ...], words: str) -> None:
    with pytest.raises(BadCall, match=f"^{member}: .*{words}"):
        listener_call(call(member, *body))


def test_a_call_that_is_refused_leaves_no_fd_open() -> None:
    before = open_files()
    for message in (
        call("ScanoutMap", memfd(64), 0, 0, 2, 16, XR24),
        call("ScanoutDMABUF", memfd(64), 4, 2, 0, 0, 0, False),
        dmabuf2_call([memfd(64), memfd(64)], (0, 0, 4, 2), (4, 2)),
        dmabuf2_call([], (0, 0, 4, 2), (4, 2)),
        dmabuf2_call([memfd(64)], (0, 0, 4, 2), (0, 2)),
        dmabuf2_call([memfd(64)] * 1, (MAX_EDGE + 1, 0, 4, 2), (4, 2)),
        dmabuf2_call([memfd(64) for _ in range(5)], (0, 0, 4, 2), (4, 2), planes=5),
        call("Scanout", memfd(64), signature="h"),
        call("Blanket", [memfd(64), memfd(64)], signature="ah"),
        call("Blanket", {"a": ("h", memfd(64))}, signature="a{sv}"),
    ):
        with pytest.raises(BadCall):
            listener_call(message)
    assert open_files() == before


def test_other_methods_are_unknown_and_other_signatures_are_not_read() -> None:
    for message in (
        call("Scanout2", signature=""),
        call("Scanout", 4, 2, 16, XR24, _PIXELS, interface="org.qemu.Display1.Listener.Win32.Map"),
        call("UpdateMap", 0, 0, 1, 1, interface="org.qemu.Display1.Listener"),
    ):
        with pytest.raises(BadCall) as unknown:
            listener_call(message)
        assert unknown.value.error == UNKNOWN_METHOD
    with pytest.raises(BadCall, match="the signature is 'uuuu' and not 'iiii'"):
        listener_call(call("UpdateMap", 0, 0, 1, 1, signature="uuuu"))


_U32 = st.one_of(
    st.integers(0, 20), st.sampled_from([MAX_EDGE, MAX_EDGE + 1, MAX_STRIDE, XR24]), st.integers(0, 2**32 - 1)
)
_I32 = st.one_of(st.integers(-5, 20), st.integers(-(2**31), 2**31 - 1))
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "u": _U32,
    "i": _I32,
    "t": st.integers(0, 2**64 - 1),
    "b": st.booleans(),
    # A number of fds, which are opened when all is drawn.
    "h": st.just(1),
    "ah": st.integers(0, 5),
    "au": st.lists(_U32, max_size=5),
    "ay": st.binary(max_size=100),
}


def _types(signature: str) -> list[str]:
    found: list[str] = []
    for each in signature:
        if found and found[-1] == "a":
            found[-1] += each
        else:
            found.append(each)
    return found


@st.composite
def _members(draw: st.DrawFn) -> tuple[str, list[str]]:
    member = draw(st.sampled_from(sorted(SIGNATURES)))
    return member, _types(SIGNATURES[member])


@settings(max_examples=400)
@given(_members(), st.data())
def test_any_values_are_a_call_or_refused(chosen: tuple[str, list[str]], data: st.DataObject) -> None:
    member, types = chosen
    body = [data.draw(_VALUES[each]) for each in types]
    if types and types[0] in ("h", "ah"):
        fds = [memfd(64) for _ in range(body[0])]
        body[0] = fds if types[0] == "ah" else fds[0]
    try:
        found = listener_call(call(member, *body))
    except BadCall as bad:
        assert str(bad).startswith(f"{member}: ")
        return
    for fd in getattr(found, "fds", (found.fd,) if isinstance(found, ScanoutMap) else ()):
        os.close(fd)
    width, height = getattr(found, "width", 1), getattr(found, "height", 1)
    if isinstance(found, Scanout | Update | ScanoutMap | ScanoutDmabuf | CursorDefine):
        assert 1 <= width <= MAX_EDGE
        assert 1 <= height <= MAX_EDGE
    assert member not in INTERFACES or isinstance(found, ScanoutMap | UpdateMap | ScanoutDmabuf)
