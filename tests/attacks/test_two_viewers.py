"""Two viewers never fetch one buffer of a driver whose buffers may be fetched only once, wherever they run.

A second fetch corrupts the memory of the host's kernel. The viewers are processes of their own; containers are
namespaces of their own.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests import gate
from tests.unit.command import REPOSITORY
from tests.unit.hosts import UUID_A, Host, qemu
from tests.unit.vms import vms_on

_VIEWER = [sys.executable, "-m", "tests.unit.app.vfio.programs.viewer"]
_OFF = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_A},display=off"
# A container has a folder of its own for the records.
_CONTAINERS = {
    "host": [],
    "container": ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$SHM" && exec "$@"', "sh"],
}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 1)
    (host.paths.dev / "shm").mkdir()
    for vms in vms_on(host):
        vms.start("qemu-system-x86", qemu("a", "-device", _OFF), ["mbochs"], groups=[1])
        yield host


@contextmanager
def _viewer(host: Host, container: str) -> Iterator[str]:
    """The reason of the first frame of a viewer, which stays."""
    prefix = _CONTAINERS[container]
    if prefix and os.geteuid() != 0:
        prefix = [prefix[0], "--user", "--map-root-user", *prefix[1:]]
    with subprocess.Popen(
        [*prefix, *_VIEWER, str(host.paths.dev.parent), UUID_A],
        cwd=REPOSITORY,
        env=os.environ | {"SHM": str(host.paths.dev / "shm")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            answer = process.stdout.readline()
            assert answer, f"no viewer: {shlex.join(prefix)}"
            yield answer
        finally:
            process.stdin.close()


def _need_namespaces() -> None:
    gate.need_programs("unshare")
    users = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    done = subprocess.run(["unshare", *users, "--mount", "true"], capture_output=True, check=False)
    if done.returncode:
        gate.unavailable(f"no namespaces: {done.stderr.decode().strip()}")


@pytest.mark.parametrize(
    "containers",
    [("host", "host"), ("host", "container"), ("container", "container", "host")],
    ids=" then ".join,
)
def test_at_most_one_viewer_fetches(host: Host, containers: tuple[str, ...]) -> None:
    _need_namespaces()
    with ExitStack() as viewers:
        answers = [viewers.enter_context(_viewer(host, each)) for each in containers]
        fetched = [answer for answer in answers if answer.startswith("ok")]
        assert len(fetched) == min(1, containers.count("host")), answers
        assert all(each.startswith(("ok", "fetched-elsewhere")) for each in answers), answers
