"""A hostile message is refused with one kind of error, quickly, and leaves no fd open."""

import array
import os
import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jeepney import FileDescriptor, HeaderFields, Message
from jeepney.low_level import Endianness

from app.dbus_display.wire import names
from app.dbus_display.wire.messages import FIXED_PART, LARGEST, WireError, method_call, method_return, parse, size_of


def serialised(signature: str, body: tuple[Any, ...], endianness: Endianness = Endianness.little) -> bytearray:
    message = method_call(names.LISTENER_PATH, names.LISTENER, "Member", signature, body)
    message.header.endianness = endianness
    return bytearray(message.serialise(serial=7, fds=array.array("i")))


def raw(signature: bytes, body: bytes, fields: bytes = b"") -> bytearray:
    """A method return whose signature and body jeepney would not make."""
    reply = b"\x05\x01u\0" + struct.pack("<I", 1)
    typed = b"\x08\x01g\0" + bytes([len(signature)]) + signature + b"\0"
    parts = reply + fields + b"\0" * (-len(reply + fields) % 8) + typed
    head = b"l\x02\0\x01" + struct.pack("<III", len(body), 1, len(parts)) + parts
    return bytearray(head + b"\0" * (-len(head) % 8) + body)


def parse_and_close(data: bytearray, numbers: list[int]) -> Message | None:
    """The message, None if it is refused. All fds are closed."""
    fds = [FileDescriptor(each) for each in numbers]
    try:
        return parse(data, fds)
    except WireError:
        return None
    finally:
        for each in fds:
            each.close()


def plain(body: Any) -> Any:
    """The arguments with bytes instead of views of the message."""
    if isinstance(body, memoryview):
        return body.tobytes()
    if isinstance(body, dict):
        return {key: plain(value) for key, value in body.items()}
    return type(body)(plain(each) for each in body) if isinstance(body, list | tuple) else body


STRINGS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
VARIANTS: st.SearchStrategy[tuple[str, Any]] = st.recursive(
    st.one_of(
        st.tuples(st.just("u"), st.integers(0, 2**32 - 1)),
        st.tuples(st.just("s"), STRINGS),
        st.tuples(st.just("b"), st.booleans()),
        st.tuples(st.just("ay"), st.binary(max_size=20)),
        st.tuples(st.just("as"), st.lists(STRINGS, max_size=3)),
    ),
    lambda inner: st.one_of(
        st.tuples(st.just("v"), inner), st.tuples(st.just("a{sv}"), st.dictionaries(STRINGS, inner, max_size=3))
    ),
    max_leaves=5,
)


@settings(max_examples=40)
@given(st.dictionaries(STRINGS, VARIANTS, max_size=5), st.sampled_from(Endianness))
def test_properties_arrive_as_they_were_sent(properties: dict[str, Any], endianness: Endianness) -> None:
    message = parse(serialised("sa{sv}as", ("interface", properties, ["x"]), endianness), [])
    assert plain(message.body) == ("interface", properties, ["x"])
    assert message.header.fields[HeaderFields.member] == "Member"


def test_pixels_are_not_copied() -> None:
    data = serialised("uuuuay", (1, 2, 3, 4, b"pixels"))
    pixels = parse(data, []).body[4]
    assert pixels.readonly and pixels == b"pixels"
    data[-1] = ord("!")
    assert pixels == b"pixel!"


@given(st.binary(max_size=300), st.integers(0, 3))
def test_random_bytes_are_a_message_or_are_refused(data: bytes, count: int) -> None:
    parse_and_close(bytearray(data), [os.open("/dev/null", os.O_RDONLY) for _ in range(count)])


@given(st.data())
def test_damaged_message_is_a_message_or_is_refused(data: st.DataObject) -> None:
    whole = serialised("hsa{sv}ay", (1, "text", {"a": ("v", ("as", ["b"])), "c": ("(uu)", (1, 2))}, b"1234"))
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    parse_and_close(whole, [os.open("/dev/null", os.O_RDONLY)])


@given(st.binary(min_size=FIXED_PART, max_size=FIXED_PART))
def test_size_of_random_bytes_is_within_the_limits(data: bytes) -> None:
    with suppress(WireError):
        assert FIXED_PART <= size_of(data) <= LARGEST


def test_largest_picture_by_value_is_accepted_and_a_larger_message_is_not() -> None:
    data = serialised("uuuuay", (7680, 4320, 30720, 1, b""))
    size = 7680 * 4320 * 4
    data[4:8] = struct.pack("<I", size + 20)
    assert size < size_of(data) < LARGEST
    data[4:8] = struct.pack("<I", LARGEST)
    with pytest.raises(WireError, match="too large"):
        size_of(data)


@pytest.mark.parametrize("endianness", Endianness)
@pytest.mark.parametrize("number", [0x2928, 0x2829, 0x12928, 0x28290000])
def test_numbers_that_look_like_a_type_are_read(number: int, endianness: Endianness) -> None:
    """QEMU counts its messages, and a reply has the number of our call: "()" as text is 10536 as a number."""
    call = method_call(names.LISTENER_PATH, names.LISTENER, "UpdateMap", "iiii", (number, 0, 1, 1))
    reply = method_return(call)
    for message in (call, reply):
        message.header.endianness = endianness
    reply.header.fields[HeaderFields.reply_serial] = number
    read = [parse(bytearray(each.serialise(serial=number)), []).header for each in (call, reply)]
    assert [each.serial for each in read] == [number, number]
    assert read[1].fields[HeaderFields.reply_serial] == number


@pytest.mark.parametrize("signature", ["a()", "a(())", "aa()", "v"])
def test_array_without_an_end_is_refused(signature: str) -> None:
    """An element has no size, so reading one more never comes to the array's end."""
    body = struct.pack("<I", 8) + bytes(20)
    if signature == "v":
        body = b"\x03a()\0" + b"\0" * 3 + body
    with pytest.raises(WireError):
        parse(raw(signature.encode(), body), [])


def test_array_without_an_end_in_the_header_is_refused() -> None:
    with pytest.raises(WireError):
        parse(raw(b"", b"", b"\x07\x03a()\0" + b"\0" * 2 + struct.pack("<I", 8) + bytes(12)), [])


@pytest.mark.parametrize("serial", [0x2928, 0x28290029, 0xFF2928])
def test_no_serial_number_looks_like_a_type(serial: int) -> None:
    """Its bytes may be those of any text: "()" is the 10,536th message of a connection."""
    call = method_call(names.LISTENER_PATH, names.LISTENER, "Disable")
    assert parse(bytearray(call.serialise(serial=serial)), []).header.serial == serial
    call.header.fields[HeaderFields.reply_serial] = serial
    assert parse(bytearray(call.serialise(serial=1)), []).header.fields[HeaderFields.reply_serial] == serial


def test_unknown_fields_of_a_header_are_ignored() -> None:
    message = parse(raw(b"u", struct.pack("<I", 5), b"\xf0\x01u\0" + struct.pack("<I", 7)), [])
    assert message.body == (5,)


def test_variants_inside_each_other_have_a_limit() -> None:
    with pytest.raises(WireError):
        parse(raw(b"v", b"\x01v\0" * 5000 + b"\x01y\0\x01"), [])


@pytest.mark.parametrize("size", [1 << 17, 1 << 24])
def test_a_large_message_of_small_values_is_refused(size: int) -> None:
    """Two million empty texts would take hundreds of megabytes, and some thousand of them some ms."""
    body = struct.pack("<I", size) + bytes(size)
    with pytest.raises(WireError):
        parse(raw(b"aay", body), [])


def null() -> FileDescriptor:
    return FileDescriptor(os.open("/dev/null", os.O_RDONLY))


def with_fds(signature: str, body: tuple[Any, ...], count: int) -> bytearray:
    message = method_call(names.LISTENER_PATH, names.LISTENER, "Member", signature, body)
    numbers = array.array("i")
    message.serialise(serial=7, fds=numbers)
    message.header.fields[HeaderFields.unix_fds] = count
    # Serialised without fds to count, the header keeps the number.
    indices = iter(range(256))
    data = message.serialise(serial=7, fds=_Indices(indices))
    return bytearray(data)


class _Indices(list[int]):
    """Takes the place of the fds in jeepney's serialiser, and leaves the header's number alone."""

    def __init__(self, indices: Any) -> None:
        super().__init__()
        self._indices = indices

    def __bool__(self) -> bool:
        return False


def test_fds_that_no_argument_names_are_closed() -> None:
    fds = [null(), null()]
    message = parse(with_fds("h", (5,), 2), fds)
    assert message.body == (fds[0],)
    assert "closed" in repr(fds[1])
    fds[0].close()


def test_fd_that_is_named_twice_is_refused() -> None:
    data = with_fds("hh", (5, 6), 2)
    data[-4:] = bytes(4)
    fds = [null(), null()]
    with pytest.raises(WireError):
        parse(data, fds)
    for each in fds:
        each.close()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_message_with_another_number_of_fds_than_it_says_is_refused(count: int) -> None:
    fds = [null() for _ in range(count)]
    with pytest.raises(WireError):
        parse(with_fds("hh", (5, 6), 2), fds)
    for each in fds:
        each.close()
