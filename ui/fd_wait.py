"""Waits for fds with a limit in nanoseconds, as the frame loop wants it."""

import select


def wait_for_fds(fds: tuple[int, ...], ns: int) -> None:
    """Wait until one of the fds is readable (-1 is none), at most ``ns`` nanoseconds, in whole milliseconds upwards."""
    ready = select.poll()
    for fd in fds:
        if fd >= 0:
            ready.register(fd, select.POLLIN)
    ready.poll(max(0, ns) / 1e6)
