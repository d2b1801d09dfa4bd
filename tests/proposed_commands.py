"""The commands that messages, remedies, hints and help texts propose, and how each one is tried.

``proposed()`` finds them in the source. ``COMMANDS`` is a closed list: a command that is not in it fails
tests/unit/test_proposed_commands.py. Those with a ``script`` run in the lab, on the real kernel
(tests/lab/inside/program/test_remedies.py). The others have the reason why they cannot.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
_FOLDERS = ("app", "gl", "ui", "packaging/helper")

# A text with one of these words, where a command may stand, proposes a command or names a program.
_PROGRAMS = (
    *("sudo", "modprobe", "insmod", "rmmod", "mdevctl", "journalctl", "dmesg", "usermod", "setfacl", "sysctl"),
    *("udevadm", "systemctl", "loginctl", "ulimit", "virsh", "nvidia-smi", "sriov-manage", "mount", "umount", "tee"),
    *("lspci", "lsmod", "prlimit", "qm", "apt", "apt-get", "apt-file", "dnf", "pacman", "pip", "pipx", "chmod"),
    *("chown", "chgrp", "mknod", "grep", "cat", "echo", "printf", "unset", "kill", "pkill", "newgrp"),
    *("groupadd", "unshare", "setcap", "xhost", "flatpak", "docker", "polkit", "setenforce"),
)
_WORD = re.compile(rf"(?<![\w./{{-])(?:{'|'.join(map(re.escape, _PROGRAMS))})(?![\w.:=/-])")

# What may follow a command: the end of a quotation or of a part of a sentence. Another argument makes another command.
_END = r"(?=$|['`\"),;.|]| and | if | lets | names | then |: \{\})"

# Texts that only name a program, or in which one of the words is a word of English.
NAMED = (
    *("no sudo", "pkexec or sudo", "sudo's prompt", "--helper sudo", "where sudo can ask"),
    *("sudo does not pass on", "sudo gave no", "sudo can ask", "unset it or correct it", "mount it: "),
    *("(ulimit -l is {} KiB)", "a polkit agent"),
)


@dataclass(frozen=True)
class Command:
    """``text`` is the command as the source has it, with ``{}`` for each value that is filled in.

    ``script`` is a shell script with the whole command, with values of the lab. It must fail if the command does not do
    what the message promises. ``why_not`` is the reason why the lab cannot run it. Then ``script``, if there is one,
    only checks what can be checked. ``own_etc``: the script gets an /etc in which it can write, and nothing stays.
    """

    text: str
    script: str = ""
    why_not: str = ""
    own_etc: bool = False


_VGPU = "11111111-2222-3333-4444-000000000008"
_CREATE = f"echo {_VGPU} >/sys/class/mdev_bus/mbochs_rw/mdev_supported_types/mbochs_rw-small/create"
_IS_THERE = f"test -e /sys/bus/mdev/devices/{_VGPU}"
_REMOVE = f"echo 1 | sudo tee /sys/bus/mdev/devices/{_VGPU}/remove"
_NO_NVIDIA = "NVIDIA's licensed host driver, which has this program, is not in the lab"
_WOULD_INSTALL = "it would change what is installed on the host"


def _loads(*modules: str) -> str:
    return " && ".join(f"test -e /sys/module/{each}" for each in modules)


COMMANDS = (
    Command(
        "sudo modprobe -a vfio vfio_iommu_type1",
        f"sudo modprobe -a vfio vfio_iommu_type1 && {_loads('vfio', 'vfio_iommu_type1')}",
    ),
    Command("sudo modprobe -a vfio mdev", f"sudo modprobe -a vfio mdev && {_loads('vfio', 'mdev')}"),
    # The sample drivers; here two other modules that are not loaded yet.
    Command("sudo modprobe -a {}", f"sudo modprobe -a tun veth && {_loads('tun', 'veth')} && modprobe -ra tun veth"),
    Command("sudo modprobe vfio_iommu_type1", f"sudo modprobe vfio_iommu_type1 && {_loads('vfio_iommu_type1')}"),
    Command("sudo modprobe -r vgem", "modprobe vgem && sudo modprobe -r vgem && test ! -e /sys/module/vgem"),
    # It loads without an Intel GPU, too.
    Command("sudo modprobe kvmgt", f"sudo modprobe kvmgt && {_loads('kvmgt')} && modprobe -r kvmgt"),
    Command(
        "sudo mdevctl start --uuid {} --parent {} --type {}",
        f"sudo mdevctl start --uuid {_VGPU} --parent mbochs_rw --type mbochs_rw-small && {_IS_THERE} && {_REMOVE}",
    ),
    Command(
        "sudo mdevctl start --uuid $(cat /proc/sys/kernel/random/uuid) --parent {} --type TYPE",
        "sudo mdevctl start --uuid $(cat /proc/sys/kernel/random/uuid) --parent mbochs_rw --type mbochs_rw-small && "
        "cd /sys/bus/mdev/devices && set -- * && test $# = 1 && echo 1 >$1/remove",
    ),
    Command(
        "sudo mdevctl start --parent PARENT --type TYPE",
        "sudo mdevctl start --parent mbochs_rw --type mbochs_rw-small && "
        "cd /sys/bus/mdev/devices && set -- * && test $# = 1 && echo 1 >$1/remove",
    ),
    Command("mdevctl types", "mdevctl types | grep -q mbochs_rw-small"),
    Command("echo 1 | sudo tee {}", f"{_CREATE} && {_REMOVE} && ! {_IS_THERE}"),
    Command("echo 1 | sudo tee /sys/bus/mdev/devices/{}/remove", f"{_CREATE} && {_REMOVE} && ! {_IS_THERE}"),
    # After it the node of a vGPU belongs to the group, also that of one that was there before.
    Command(
        "printf '%s\\n' {} | sudo tee /etc/udev/rules.d/70-vfio-kvm.rules && sudo udevadm control --reload"
        " && sudo udevadm trigger --subsystem-match=vfio --subsystem-match=vfio-dev",
        # "REMEDY" is the whole remedy of the finding.
        f"mount -t tmpfs tmpfs /etc/udev/rules.d && {_CREATE} && REMEDY && udevadm settle && "
        "stat -c %G:%a /dev/vfio/[0-9]* | grep -qx kvm:660; status=$?; "
        f"umount /etc/udev/rules.d; {_REMOVE}; exit $status",
    ),
    Command(
        "sudo usermod -aG {} $USER",
        "USER=nobody; sudo usermod -aG kvm,video $USER && id -nG nobody | grep -w kvm | grep -qw video",
        own_etc=True,
    ),
    Command("newgrp {}", "echo 'id -ng' | newgrp kvm | grep -qx kvm"),
    Command(
        'echo "$USER - memlock unlimited" | sudo tee /etc/security/limits.d/vfio.conf',
        'USER=nobody; echo "$USER - memlock unlimited" | sudo tee /etc/security/limits.d/vfio.conf && '
        "ulimit -l 64 && runuser -u nobody -- bash -c 'ulimit -l' | grep -qx unlimited",
        own_etc=True,
    ),
    Command("ulimit -n 1024", "ulimit -n 1024 && test $(ulimit -n) = 1024"),
    Command("(ulimit -v)", "ulimit -v unlimited && test $(ulimit -v) = unlimited"),
    Command("ulimit -u", "ulimit -u 4096 && test $(ulimit -u) = 4096"),
    Command("ulimit -l", "ulimit -l unlimited && test $(ulimit -l) = unlimited"),
    Command(
        "sudo sysctl kernel.yama.ptrace_scope=0",
        "sudo sysctl kernel.yama.ptrace_scope=0 && grep -qx 0 /proc/sys/kernel/yama/ptrace_scope",
    ),
    Command(
        "sudo sysctl kernel.dmesg_restrict=0",
        "sysctl kernel.dmesg_restrict=1; sudo sysctl kernel.dmesg_restrict=0 && "
        "setpriv --reuid=65534 --clear-groups dmesg | grep -q .",
    ),
    Command("sudo dmesg | grep -i gvt", "echo 'Gvt of the lab' >/dev/kmsg; sudo dmesg | grep -i gvt | grep -q lab"),
    Command("sudo dmesg", "sysctl kernel.dmesg_restrict=1; sudo dmesg | grep -q ."),
    # There is no journal in the lab: it says so, and takes the options.
    Command(
        "journalctl -t nvidia-vgpu-mgr",
        "mkdir /tmp/journal; journalctl -D /tmp/journal -t nvidia-vgpu-mgr; test $? -le 1",
    ),
    Command(
        "sudo mount -t tracefs nodev {}",
        "mkdir /tmp/t && sudo mount -t tracefs nodev /tmp/t && test -e /tmp/t/events && umount /tmp/t",
    ),
    Command(
        "kill -CONT {}",
        "sleep 60 & kill -STOP $!; kill -CONT $! && sleep 0.3 && ! grep -q 'State:.T' /proc/$!/status && kill $!",
    ),
    # libvirt's own driver for tests stands in for that of QEMU, whose daemon is not in the lab.
    Command(
        "virsh -c qemu:///session {} {}",
        "virsh -c test:///default 'suspend test; resume test; domstate test' | grep -q running && "
        "virsh help dompmwakeup >/dev/null",
    ),
    Command(
        "virsh -c qemu:///system {} {}",
        "virsh -c test:///default 'suspend test; resume test; domstate test' | grep -q running && "
        "virsh help dompmwakeup >/dev/null",
    ),
    Command("unset QT_QPA_PLATFORM and QT_XCB_GL_INTEGRATION", "unset QT_QPA_PLATFORM QT_XCB_GL_INTEGRATION"),
    Command("unset QT_QPA_PLATFORM", 'QT_QPA_PLATFORM=x; unset QT_QPA_PLATFORM; test -z "$QT_QPA_PLATFORM"'),
    Command(
        "sudo sh packaging/helper.sh install",
        f"sh -n {REPOSITORY}/packaging/helper.sh",
        "tests/packaging installs it in a tree of its own",
    ),
    Command(
        "sudo sh packaging/helper.sh install xen",
        f"sh -n {REPOSITORY}/packaging/helper.sh",
        "the same script with other names",
    ),
    Command(
        "journalctl -u nvidia-vgpu-mgr",
        "mkdir /tmp/journal-u; journalctl -D /tmp/journal-u -u nvidia-vgpu-mgr; test $? -le 1",
    ),
    Command(
        "sudo dmesg | grep nvidia-vgpu-vfio",
        "echo 'nvidia-vgpu-vfio: of the lab' >/dev/kmsg; sudo dmesg | grep nvidia-vgpu-vfio | grep -q lab",
    ),
    # A folder stands in for that of a virtual function.
    Command(
        "cat {}/creatable_vgpu_types", "mkdir /tmp/vf; echo 65 >/tmp/vf/creatable_vgpu_types; cat /tmp/vf/*", _NO_NVIDIA
    ),
    Command(
        "echo NUMBER | sudo tee {}/current_vgpu_type",
        "mkdir -p /tmp/vf; echo 65 | sudo tee /tmp/vf/current_vgpu_type && grep -qx 65 /tmp/vf/current_vgpu_type",
        _NO_NVIDIA,
    ),
    Command("sudo {} -e {}", "", _NO_NVIDIA),
    Command("sudo {} -d {} && sudo {} -e {}", "", _NO_NVIDIA),
    Command("nvidia-smi vgpu -s -i {}", "", _NO_NVIDIA),
    Command("nvidia-smi vgpu -s", "", _NO_NVIDIA),
    Command("sudo apt install --reinstall ./mdevview_*.deb", "", _WOULD_INSTALL),
    Command("apt-get install pkexec polkitd", "", _WOULD_INSTALL),
    Command("apt-file search NAME", "", _WOULD_INSTALL),
    Command("pip install {}", "", _WOULD_INSTALL),
    Command("pip install jeepney", "", _WOULD_INSTALL),
)


@dataclass(frozen=True)
class Text:
    """A string in the source, with ``{}`` for each value that is filled in. ``place`` is its file and line."""

    place: str
    text: str


def texts() -> Iterator[Text]:
    """All strings of the program but docstrings. Those that Python joins are one."""
    for folder in _FOLDERS:
        for file in sorted((REPOSITORY / folder).rglob("*")):
            if file.suffix == ".py" or file.name in ("mdevview-getfd", "mdevview-getxen"):
                yield from _texts_of(file)


def _texts_of(file: Path) -> Iterator[Text]:
    tree = ast.parse(file.read_text())
    parts: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts |= {id(each) for each in node.values}
        elif isinstance(node, ast.Expr):
            parts.add(id(node.value))
    for node in ast.walk(tree):
        if id(node) not in parts and (text := _text(node)) is not None:
            yield Text(f"{file.relative_to(REPOSITORY)}:{node.lineno}", text)  # type: ignore[attr-defined]


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values)
    return None


def unknown(text: str) -> str | None:
    """What is left of a text that has a command which is not in the list; None if it has none."""
    # A program alone is an argument of ours, no words for a person.
    if " " not in text.strip():
        return None
    for known in sorted((each.text for each in COMMANDS), key=len, reverse=True):
        text = re.sub(re.escape(known) + _END, "", text)
    for name in NAMED:
        text = text.replace(name, "")
    return text if _WORD.search(text) else None
