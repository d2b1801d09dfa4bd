"""One page that a guest shares."""

import struct
import threading

import pytest

from app.xen.backend.shared_page import SharedPage


def test_words_and_copies_are_where_the_guest_sees_them() -> None:
    memory = bytearray(4096)
    page = SharedPage(memoryview(memory))
    page.set_word(8, 1 << 32 | 5)
    page.write(100, b"abc")
    assert struct.unpack_from("<I", memory, 8) == (5,)
    assert page.copy(99, 5) == b"\0abc\0"
    page.release()
    page.release()
    memory.clear()


def test_what_is_not_one_page_is_refused() -> None:
    for size in (0, 4095, 8192):
        with pytest.raises(ValueError):
            SharedPage(memoryview(bytearray(size)))


def test_a_word_that_changes_is_read_as_it_was_or_as_it_is() -> None:
    memory = bytearray(4096)
    page, guest = SharedPage(memoryview(memory)), SharedPage(memoryview(memory))
    stop = threading.Event()

    def count() -> None:
        while not stop.is_set():
            for value in (0x00FFFFFF, 0x01000000):
                guest.set_word(0, value)

    thread = threading.Thread(target=count)
    guest.set_word(0, 0x01000000)
    thread.start()
    seen = {page.word(0) for _ in range(20000)}
    stop.set()
    thread.join()
    assert seen <= {0x00FFFFFF, 0x01000000}
