"""How many files may still be opened."""

import os
import resource
from collections.abc import Iterator

import pytest

from app.open.spare_fds import allow_many_files, spare_fds


@pytest.fixture
def limit() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_an_open_file_is_one_less(limit: None) -> None:
    spare = spare_fds()
    fd = os.open("/dev/null", os.O_RDONLY)
    try:
        assert spare_fds() == spare - 1
    finally:
        os.close(fd)
    used = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - spare
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 7, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    assert spare_fds() == 7


def test_the_limit_is_raised_as_far_as_allowed_and_never_lowered(limit: None) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    allow_many_files()
    raised = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert raised[0] > 256 or hard == 256
    assert raised[1] == hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    allow_many_files()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
