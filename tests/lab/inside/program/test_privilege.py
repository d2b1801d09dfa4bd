"""A user without rights shows a VM of root with the installed helper and the real sudo; and what the helper refuses.

packaging/helper.sh installs the helper into an overlay of /usr, which only the commands of this user see.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.lab.inside import mdev
from tests.lab.inside.conftest import Create, Fact, StartVm
from tests.lab.inside.machine import PATIENCE_S, Machine
from tests.lab.inside.pictures import colours, read_png
from tests.lab.inside.program import command

_REPOSITORY = Path(__file__).parents[4]
_NOBODY = 65534
_YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")
_INSTALLED = (
    "mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work && "
    "mount -t overlay -o lowerdir=/usr,upperdir=/mnt/upper,workdir=/mnt/work none /usr && "
    f"sh {_REPOSITORY}/packaging/helper.sh install 2>/dev/null && "
    f"sh {_REPOSITORY}/packaging/helper.sh status 2>/dev/null && "
    "echo && exec sleep infinity"
)


@dataclass(frozen=True)
class User:
    """A user without rights. ``namespaces`` is a process that has the helper installed in its mounts."""

    namespaces: int

    def prefix(self, home: str = "/nonexistent") -> tuple[str, ...]:
        """The start of a command line that runs a command as this user.

        The user's caches are in its own home: Mesa says so where it cannot write to root's.
        """
        enter = ("nsenter", f"--target={self.namespaces}", "--mount", "--root", "--wd")
        environment = ("env", "--unset=XDG_CACHE_HOME", "--unset=MESA_SHADER_CACHE_DIR", f"HOME={home}")
        return (*enter, *environment, *command.as_nobody())

    def ask(self, *requests: tuple[int, int | None]) -> list[dict[str, Any]]:
        """The answers of the helper to requests of a pid and a fd of it, or None."""
        arguments = [str(pid) if fd is None else f"{pid},{fd}" for pid, fd in requests]
        done = subprocess.run(
            [*self.prefix(), sys.executable, "-m", "tests.lab.inside.program.call_helper", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), done
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert [each.pop("uid") for each in answers] == [_NOBODY] * len(requests)
        return answers


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    """With the rule of an administrator who permits this user to show the VMs of this host."""
    subprocess.run(["modprobe", "overlay"], check=True)
    rule = Path("/etc/sudoers.d/mdevview")
    rule.write_text("nobody ALL=(root) NOPASSWD: /usr/libexec/mdevview-getfd\n")
    rule.chmod(0o440)
    with _started("unshare", "--mount", "sh", "-c", _INSTALLED) as namespaces:
        yield User(namespaces)
    rule.unlink()


@contextmanager
def _started(*arguments: str, stdin: Any = subprocess.DEVNULL) -> Iterator[int]:
    """Start a process and wait for its first line of output."""
    with subprocess.Popen(arguments, stdin=stdin, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline()
            yield process.pid
        finally:
            process.kill()


def _fdinfo(machine: Machine) -> str:
    return Path(f"/proc/{machine.pid}/fdinfo/{machine.device_fds[0]}").read_text()


def test_user_without_rights_sees_roots_vm(shared_vm: Machine, user: User, fact: Fact) -> None:
    handed = {
        "number": shared_vm.device_fds[0],
        "link": "anon_inode:[vfio-device]",
        "groups": [int(mdev.group(shared_vm.uuids[0]))],
        # Since Linux 6.18 the kernel tells it.
        "device": shared_vm.uuids[0] if "vfio-device-syspath" in _fdinfo(shared_vm) else None,
    }
    for answer in user.ask((shared_vm.pid, None), (shared_vm.pid, shared_vm.device_fds[0])):
        (each,) = answer["handed"]
        (plane,) = each.pop("planes")
        assert plane.startswith("dmabuf ")
        assert each == handed
    fact("helper: what nobody got of root's QEMU", {**handed, "planes": plane})

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        file = Path(folder) / "shot.png"
        shot = ("screenshot", f"pid:{shared_vm.pid}", "-o", str(file))
        refused = command.run(*shot, "--helper", "never", prefix=user.prefix())
        assert refused.status == 4, refused
        assert not file.exists()
        fact("helper: a user without rights who does not ask", refused.err.strip())
        with shared_vm.stopped():
            done = command.run(*shot, "--helper", "sudo", prefix=user.prefix(folder))
            assert (done.status, done.out, done.err) == (0, "", "")
            np.testing.assert_array_equal(read_png(file), colours(shared_vm.picture()))
    fact("helper: screenshot of root's QEMU by nobody, start to end", f"{done.seconds:.1f} s")


def test_every_device_with_a_display_is_handed_over(create: Create, start_vm: StartVm, user: User) -> None:
    names = create("mbochs_rw", "small"), create("mdpy", "vga")
    machine = start_vm(*names)
    machine.wait_for_device()
    (answer,) = user.ask((machine.pid, None))
    handed = answer["handed"]
    assert [each["number"] for each in handed] == list(machine.device_fds)
    assert handed[1]["planes"] == ["region 640x480"]
    assert all(sorted(each["groups"]) == sorted(int(mdev.group(name)) for name in names) for each in handed)


def test_what_the_helper_refuses(shared_vm: Machine, user: User, fact: Fact, tmp_path: Path) -> None:
    def refused(*cases: tuple[int, int | None, str, str]) -> None:
        for (_, _, error, says), answer in zip(cases, user.ask(*(each[:2] for each in cases)), strict=True):
            assert answer.keys() == {"error", "message"}, answer
            assert answer["error"] == error, answer
            assert says in answer["message"], answer
            fact("helper refuses", answer["message"].removeprefix("the helper refused: "))

    with subprocess.Popen(["true"]) as ended:
        pass
    with _started("sh", "-c", "echo; exec sleep 1000") as shell:
        refused(
            (1, None, "PermissionDenied", "process 1 is no VMM"),
            (2, None, "PermissionDenied", "it belongs to the kernel"),
            (ended.pid, None, "ProcessGone", "there is no process"),
            (shell, None, "NoSuchDevice", "is no VMM: it has no VFIO device open"),
            (shell, 0, "NoSuchDevice", "is no VFIO device"),
        )

    # Other files of QEMU: its group, its memory and disk, its sockets, a fd that is not open.
    fds = {str(each.readlink()): int(each.name) for each in Path(f"/proc/{shared_vm.pid}/fd").iterdir()}
    others = [fds[f"/dev/vfio/{mdev.group(shared_vm.uuids[0])}"], fds["/dev/vfio/vfio"], 0, 2, 9999]
    others.append(next(fd for link, fd in fds.items() if link.startswith("socket:")))
    pid = shared_vm.pid
    refused(*((pid, fd, "NoSuchDevice", f"fd {fd} of process {pid} is no VFIO device") for fd in others))

    # A process in another mount namespace opens other files under the names of VFIO's: plain files and another node.
    (tmp_path / "anon_inode:[vfio-device]").touch()
    tricks = (
        "mount -t tmpfs none /dev/vfio && mkdir /dev/vfio/devices && echo >/dev/vfio/devices/vfio0 && "
        f"echo >/dev/vfio/7 && mknod /dev/vfio/devices/vfio1 c 1 3 && cd {tmp_path} && "
        "exec 3</dev/vfio/devices/vfio0 4</dev/vfio/7 5</dev/vfio/devices/vfio1 6<'anon_inode:[vfio-device]' && "
        "echo && exec sleep 1000"
    )
    with _started("unshare", "--mount", "sh", "-c", tricks) as trickster:
        assert str(Path(f"/proc/{trickster}/fd/3").readlink()).endswith("/dev/vfio/devices/vfio0")
        refused(
            (trickster, None, "NoSuchDevice", "is no VMM"),
            *((trickster, fd, "NoSuchDevice", "is no VFIO device") for fd in (3, 4, 5, 6)),
        )


def test_another_users_socket_gets_no_device(shared_vm: Machine) -> None:
    """SUDO_UID is nobody's, and the socket is root's: the device would go to another user than the one who asked."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            done = subprocess.run(
                [_REPOSITORY / "packaging/helper/mdevview-getfd", str(shared_vm.pid)],
                stdin=theirs.fileno(),
                capture_output=True,
                text=True,
                env={"SUDO_UID": str(_NOBODY)},
                check=False,
                timeout=PATIENCE_S,
            )
        assert (done.returncode, done.stderr) == (
            1,
            f"mdevview-getfd: standard input does not lead to user {_NOBODY}, who asked\n",
        )
        assert ours.recv(100) == b""


def test_yama_is_overcome_by_the_helper_alone(create: Create, user: User, fact: Fact) -> None:
    """Where only a parent may read a process (Yama), even the VM's own user needs the helper."""
    name = create("mdpy", "vga")
    node = Path(f"/dev/vfio/{mdev.group(name)}")
    os.chown(node, _NOBODY, _NOBODY)
    before = _YAMA.read_text()
    _YAMA.write_text("1")
    holder = (sys.executable, "-m", "tests.lab.inside.program.holder", name)
    try:
        with _started(*command.as_nobody(), *holder) as vmm:
            done = command.run("inspect", f"pid:{vmm}", "--helper", "never", prefix=user.prefix())
            assert done.status == 4, done
            assert "ptrace_scope" in done.err
            ((each,),) = (answer["handed"] for answer in user.ask((vmm, None)))
            assert each["planes"] == ["region 640x480"]
    finally:
        _YAMA.write_text(before)
    fact("kernel.yama.ptrace_scope was", before.strip())
