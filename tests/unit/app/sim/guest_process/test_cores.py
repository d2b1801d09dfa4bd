"""Which processor the guest's process gets, and which are left to this one."""

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sim.guest_process.cores import CoreChoice, KeptOff, choose_cores, parse_list, siblings_of


@given(st.frozensets(st.integers(0, 63), min_size=1), st.sampled_from([1, 2, 4]))
def test_the_guest_shares_its_core_with_nobody_or_nothing_is_kept_off(allowed: frozenset[int], threads: int) -> None:
    def siblings(processor: int) -> frozenset[int]:
        first = processor // threads * threads
        return frozenset(range(first, first + threads))

    choice = choose_cores(allowed, siblings)
    assert (choice.guest in allowed) == (len(allowed) > 1)
    if choice.ours is not None:
        assert choice.ours < allowed
        assert not choice.ours & siblings(choice.guest)
        assert len({each // threads for each in choice.ours}) >= 2
    elif choice.guest >= 0:
        assert len({each // threads for each in allowed}) <= 2


def test_one_processor_is_left_to_the_kernel_to_share() -> None:
    assert choose_cores(frozenset((3,)), lambda each: frozenset((each,))) == CoreChoice(-1, None)


@pytest.mark.parametrize(("text", "numbers"), [("0\n", {0}), ("0-2,8", {0, 1, 2, 8}), ("3,7\n", {3, 7})])
def test_lists_of_the_kernel(text: str, numbers: set[int]) -> None:
    assert parse_list(text) == numbers


def test_each_processor_is_its_own_sibling() -> None:
    processor = min(os.sched_getaffinity(0))
    assert processor in siblings_of(processor)
    assert siblings_of(1 << 20) == {1 << 20}


def test_each_thread_is_kept_off_and_may_go_back() -> None:
    before = os.sched_getaffinity(0)
    finish = threading.Event()
    threads = [threading.Thread(target=finish.wait) for _ in range(2)]
    for each in threads:
        each.start()
    kept_off = None
    try:
        pinned, moved = (each.native_id for each in threads)
        assert pinned is not None and moved is not None
        os.sched_setaffinity(pinned, {max(before)})
        kept_off = KeptOff(CoreChoice(-1, frozenset((min(before),))))
        assert os.sched_getaffinity(0) == os.sched_getaffinity(moved) == {min(before)}
        assert os.sched_getaffinity(pinned) == {max(before)}
        kept_off.end()
        kept_off.end()
        assert os.sched_getaffinity(0) == os.sched_getaffinity(moved) == before
        assert os.sched_getaffinity(pinned) == {max(before)}
    finally:
        if kept_off is not None:
            kept_off.end()
        finish.set()
        for each in threads:
            each.join()
