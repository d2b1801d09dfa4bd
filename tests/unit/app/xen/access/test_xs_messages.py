"""Messages of xenstore as bytes."""

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.xen.abi.xs_wire import XENSTORE_PAYLOAD_MAX, XS_ERROR, XS_READ, XS_WATCH_EVENT, XS_WRITE
from app.xen.access.xs_messages import Message, MessageReader, body_of, encode

_MESSAGES = st.lists(
    st.builds(
        Message,
        st.integers(0, 0xFFFFFFFF),
        st.integers(0, 0xFFFFFFFF),
        st.integers(0, 0xFFFFFFFF),
        st.binary(max_size=200),
    ),
    max_size=8,
)


def test_a_write_has_the_path_ended_by_nul_and_the_value_as_it_is() -> None:
    body = body_of(("/a/b",), value="4")
    assert body == b"/a/b\x004"
    assert encode(XS_WRITE, 1, 2, body) == struct.pack("=4I", 11, 1, 2, 6) + body


def test_texts_that_xenstore_cannot_hold_are_refused() -> None:
    for text in ("a\0b", "\udcff"):
        with pytest.raises(OSError) as refused:
            body_of((text,))
        assert refused.value.errno == errno.EINVAL
    with pytest.raises(OSError) as too_long:
        encode(XS_READ, 1, 0, bytes(XENSTORE_PAYLOAD_MAX))
    assert too_long.value.errno == errno.E2BIG


@given(_MESSAGES, st.lists(st.integers(1, 40), min_size=1))
def test_a_stream_in_any_pieces_gives_its_messages(messages: list[Message], pieces: list[int]) -> None:
    stream = b"".join(encode(each.kind, each.request, each.transaction, each.body) for each in messages)
    reader = MessageReader()
    got: list[Message] = []
    position = count = 0
    while position < len(stream):
        size = pieces[count % len(pieces)]
        got += reader.feed(stream[position : position + size])
        position += size
        count += 1
    assert got == messages


@given(st.lists(st.binary(max_size=100), max_size=50))
def test_any_bytes_give_messages_or_the_one_error(pieces: list[bytes]) -> None:
    reader = MessageReader()
    try:
        for each in pieces:
            for message in reader.feed(each):
                message.strings()
                message.text()
                message.error()
    except OSError as error:
        assert error.errno == errno.EPROTO


@given(st.integers(XENSTORE_PAYLOAD_MAX + 1, 0xFFFFFFFF))
def test_a_length_beyond_the_limit_is_an_error_before_its_bytes_come(length: int) -> None:
    with pytest.raises(OSError) as refused:
        MessageReader().feed(struct.pack("=4I", XS_READ, 1, 0, length))
    assert refused.value.errno == errno.EPROTO


def test_the_last_text_of_a_list_may_be_empty_or_without_nul() -> None:
    assert Message(XS_WATCH_EVENT, 0, 0, b"").strings() == ()
    assert Message(XS_WATCH_EVENT, 0, 0, b"\0").strings() == ("",)
    assert Message(XS_WATCH_EVENT, 0, 0, b"a\0b").strings() == ("a", "b")
    assert Message(XS_WATCH_EVENT, 0, 0, b"a\0\0").strings() == ("a", "")


def test_an_error_is_the_one_that_is_named_and_unknown_names_are_eio() -> None:
    assert Message(XS_ERROR, 0, 0, b"ENOENT\0").error().errno == errno.ENOENT
    assert isinstance(Message(XS_ERROR, 0, 0, b"ENOENT").error(), FileNotFoundError)
    for text in (b"", b"errorcode\0", b"EBOGUS\0", b"\xff\0"):
        assert Message(XS_ERROR, 0, 0, text).error().errno == errno.EIO
