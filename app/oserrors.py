"""Kernel errors in words."""

import errno


def in_words(error: OSError) -> str:
    """``EINVAL: Invalid argument``: the name to search for, and what it says."""
    name = errno.errorcode.get(error.errno or 0, "error")
    return f"{name}: {error.strerror or error}"
