"""How many more files this process may open. Qt and Mesa crash in the middle of a draw where there is none left."""

import os
import resource
from contextlib import suppress

# What a vGPU needs at most: three buffers, each fetched, mapped and imported, its process and its monitor.
_FDS_OF_A_VGPU = 32
_MOST_VGPUS = 512


def spare_fds() -> int:
    """The limit (RLIMIT_NOFILE) less what is open."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    try:
        # The listing is a file too.
        used = len(os.listdir("/proc/self/fd")) - 1
    except OSError:
        return 0
    return max(0, limit - used)


def allow_many_files() -> None:
    """Raise the limit to what many vGPUs need, as far as this user may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, _FDS_OF_A_VGPU * _MOST_VGPUS) if hard != resource.RLIM_INFINITY else _FDS_OF_A_VGPU * _MOST_VGPUS
    if wanted > soft:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
