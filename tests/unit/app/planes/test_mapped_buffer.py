import pytest

from app.planes.mapped_buffer import MappedBuffer


def test_the_owner_gets_the_memory_back_once_and_after_the_last_reader() -> None:
    memory, given_back = bytearray(range(64)), []

    def give_back() -> None:
        memory.append(0)  # Raises BufferError while a view of the memory is left.
        given_back.append(True)

    buffer = MappedBuffer(memoryview(memory), give_back)
    with buffer.mapping(4, 8) as first, buffer.strips(0, 16, 4, 9) as strips:
        assert bytes(first) == bytes(range(4, 12)) and first.readonly
        assert strips.number == 4
        buffer.release()
        buffer.release()
        assert buffer.released and not given_back
        assert first[0] == 4
    assert given_back == [True]
    with pytest.raises(ValueError, match="released"), buffer.mapping():
        pass
