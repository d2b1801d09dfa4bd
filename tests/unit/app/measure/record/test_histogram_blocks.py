"""Histograms by time, in fixed memory."""

from hypothesis import given
from hypothesis import strategies as st

from app.measure.record.histogram_blocks import FIRST_BLOCK_NS, MOST_BLOCKS, HistogramBlocks

_MS = 1_000_000


def _counts(blocks: HistogramBlocks) -> list[int]:
    return [int(sum(count for _, count in block)) for block in blocks.document()]


def test_values_are_kept_by_the_time_of_their_block() -> None:
    blocks = HistogramBlocks()
    start = 7_123_456_789
    blocks.record(start, 2 * _MS)
    blocks.record(start + FIRST_BLOCK_NS - 1, 2 * _MS)
    blocks.record(start + FIRST_BLOCK_NS, 30 * _MS)
    blocks.record(start + 3 * FIRST_BLOCK_NS, 2 * _MS)
    first, second, third, fourth = blocks.document()
    assert (first[0][1], third) == (2, [])
    assert 2000 <= first[0][0] <= 2000 * 129 / 128
    assert 30_000 <= second[0][0] <= 30_000 * 129 / 128
    assert fourth == [[first[0][0], 1]]


def test_a_long_run_has_no_more_blocks_but_longer_ones() -> None:
    blocks = HistogramBlocks()
    for number in range(3 * MOST_BLOCKS):
        blocks.record(number * FIRST_BLOCK_NS, _MS)
    assert blocks.length_ns == 4 * FIRST_BLOCK_NS
    assert _counts(blocks) == [4] * (3 * MOST_BLOCKS // 4)


def test_a_pause_of_any_length_is_a_few_steps() -> None:
    blocks = HistogramBlocks()
    blocks.record(0, _MS)
    blocks.record(10**18, _MS)
    assert len(blocks.document()) <= MOST_BLOCKS
    assert sum(_counts(blocks)) == 2


def test_a_value_outside_the_range_is_counted_at_its_limit() -> None:
    blocks = HistogramBlocks()
    for value in (-5, 0, 10**18):
        blocks.record(0, value)
    [[low, high]] = blocks.document()
    assert (low[1], high[1]) == (2, 1)
    assert low[0] < 1.1
    assert 1e9 <= high[0] <= 1e9 * 129 / 128


@given(st.lists(st.tuples(st.integers(0, 2**40), st.integers(-(2**70), 2**70)), max_size=60))
def test_no_value_is_lost(steps: list[tuple[int, int]]) -> None:
    blocks, now = HistogramBlocks(), 0
    for step, value in steps:
        now += step
        blocks.record(now, value)
    document = blocks.document()
    assert sum(_counts(blocks)) == len(steps)
    assert len(document) <= MOST_BLOCKS
    assert all(block == sorted(block) for block in document)
    # The times of the last value and of the last block agree.
    assert not steps or document[-1]
