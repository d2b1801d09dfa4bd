import threading

import pytest

from app.vm.shared import Shared

_PATIENCE_S = 10


def test_a_thing_lives_from_its_first_user_to_its_last() -> None:
    ended: list[str] = []
    shared: Shared[str] = Shared(lambda _: True, ended.append)
    assert shared.join("key") is None
    first, release_first = shared.take("key", lambda: "thing")
    second, release_second = shared.take("key", lambda: "another")
    assert first == second == "thing"
    release_first()
    release_first()
    assert not ended
    release_second()
    assert ended == ["thing"] and shared.join("key") is None


def test_one_that_cannot_be_made_is_made_by_the_next_user() -> None:
    shared: Shared[str] = Shared(lambda _: True, lambda _: None)

    def fail() -> str:
        raise OSError(5, "x")

    with pytest.raises(OSError):
        shared.take("key", fail)
    assert shared.take("key", lambda: "thing")[0] == "thing"


def test_one_that_is_not_usable_is_replaced_and_still_ended_by_its_users() -> None:
    ended: list[str] = []
    usable = {"old": True, "new": True}
    shared: Shared[str] = Shared(usable.__getitem__, ended.append)
    _, release_old = shared.take("key", lambda: "old")
    usable["old"] = False
    assert shared.join("key") is None
    new, release_new = shared.take("key", lambda: "new")
    assert new == "new"
    release_old()
    joined = shared.join("key")
    assert joined is not None and joined[0] == "new"
    joined[1]()
    release_new()
    assert ended == ["old", "new"]


def test_a_new_one_is_made_after_the_end_of_the_old_one() -> None:
    steps: list[str] = []
    ending, go_on = threading.Event(), threading.Event()

    def end(thing: str) -> None:
        if thing == "old":
            ending.set()
            assert go_on.wait(_PATIENCE_S)
        steps.append(f"end {thing}")

    def make() -> str:
        steps.append("make new")
        return "new"

    shared: Shared[str] = Shared(lambda _: True, end)
    _, release = shared.take("key", lambda: "old")
    closer = threading.Thread(target=release)
    closer.start()
    assert ending.wait(_PATIENCE_S)
    assert shared.join("key") is None
    taken: list[str] = []

    def take() -> None:
        thing, release_new = shared.take("key", make)
        taken.append(thing)
        release_new()

    opener = threading.Thread(target=take)
    opener.start()
    go_on.set()
    for each in (closer, opener):
        each.join(_PATIENCE_S)
    assert steps == ["end old", "make new", "end new"] and taken == ["new"]
