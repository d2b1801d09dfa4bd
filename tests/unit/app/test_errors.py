"""The words for errors of the kernel."""

import errno

import pytest

from app.errors import error_text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.EINVAL, "Invalid argument"), "EINVAL: Invalid argument"),
        # As NVIDIA's driver answers to the mapping of its dma-buf; the C library knows no name for it.
        (OSError(524, "Unknown error 524"), "ENOTSUPP: Operation is not supported"),
        (OSError("no number"), "error: no number"),
    ],
)
def test_error_text_has_the_name_and_the_meaning(error: OSError, text: str) -> None:
    assert error_text(error) == text
