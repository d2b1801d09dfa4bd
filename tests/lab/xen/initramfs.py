"""Makes the initramfs of dom0 and that of the guests: cpio archives of the format newc."""

import json
import lzma
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.lab.gate import MissingError

_HERE = Path(__file__).parent
_REPOSITORY = _HERE.parents[2]
_DOM0_MODULES = ("9pnet_virtio", "9p", "overlay")
_GUEST_MODULES = ("drm_xen_front", "vgem", "evdev", "xen-gntalloc")
_AGENT = "tests.lab.xen.guest.agent"


def dom0(version: str, busybox: str) -> bytes:
    """The initramfs of dom0 with this kernel."""
    modules = _modules(version, _DOM0_MODULES)
    return _archive(
        {
            "init": (0o755, (_HERE / "dom0_init.sh").read_bytes()),
            "bin/busybox": (0o755, Path(busybox).read_bytes()),
            **{f"modules/{number:02}-{name}": (0o644, data) for number, (name, data) in enumerate(modules)},
        }
    )


def guest(version: str, busybox: str) -> bytes:
    """The initramfs of a guest with this kernel: Python and the programs in ``guest``."""
    modules = _modules(version, _GUEST_MODULES)
    files = {
        "init": (0o755, (_HERE / "guest/init.sh").read_text().replace("PYTHON", _python()).encode()),
        "bin/busybox": (0o755, Path(busybox).read_bytes()),
        **{f"modules/{number:02}-{name}": (0o644, data) for number, (name, data) in enumerate(modules)},
    }
    for path in _python_files():
        name = path.removeprefix(f"{_REPOSITORY}/") if path.startswith(f"{_REPOSITORY}/tests/") else path
        files[name.lstrip("/")] = (0o755, _stripped(Path(path)))
    return _archive(files)


def _python() -> str:
    return os.path.realpath(sys.executable)


def _python_files() -> list[str]:
    """Python's program, the modules that the agent imports, and the libraries of both.

    The rest of Python stays out: unpacking takes time in an emulated machine.
    """
    code = (
        f"import json, sys; sys.path.insert(0, {str(_REPOSITORY)!r}); import {_AGENT}\n"
        "print(json.dumps([m.__file__ for m in list(sys.modules.values()) if getattr(m, '__file__', None)]))"
    )
    python = _python()
    done = subprocess.run([python, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    files: set[str] = {python, *json.loads(done.stdout)}
    # Python looks for this file to find its library.
    files.add(f"{sys.base_prefix}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/os.py")
    for each in [python, *(path for path in files if path.endswith(".so"))]:
        said = subprocess.run(["ldd", each], capture_output=True, text=True, check=True).stdout
        files |= {word for line in said.splitlines() for word in line.split() if word.startswith("/")}
    return sorted(files)


def _stripped(file: Path) -> bytes:
    """Without debug information, of which some builds of Python have 15 MB. As it is where there is no strip."""
    if shutil.which("strip") is None or not file.read_bytes().startswith(b"\x7fELF"):
        return file.read_bytes()
    with tempfile.NamedTemporaryFile() as output:
        subprocess.run(["strip", "--strip-unneeded", "-o", output.name, str(file)], check=True)
        return Path(output.name).read_bytes()


def _modules(version: str, names: tuple[str, ...]) -> list[tuple[str, bytes]]:
    """These modules and those they need, in the order of loading, uncompressed."""
    root = Path("/lib/modules") / version
    needs = dict(line.split(":") for line in (root / "modules.dep").read_text().splitlines())
    by_name = {Path(path).name.split(".ko")[0].replace("-", "_"): path for path in needs}
    ordered: list[str] = []
    for name in names:
        path = by_name.get(name.replace("-", "_"))
        if path is None:
            raise MissingError(f"kernel {version} has no module {name} (Debian: linux-image-amd64)")
        ordered += [each for each in (*reversed(needs[path].split()), path) if each not in ordered]
    return [(Path(path).name.split(".ko")[0] + ".ko", _unpacked(root / path)) for path in ordered]


def _unpacked(file: Path) -> bytes:
    data = file.read_bytes()
    return lzma.decompress(data) if file.suffix == ".xz" else data


def _archive(files: dict[str, tuple[int, bytes]]) -> bytes:
    """A cpio archive of these files, with their folders."""
    parts: list[bytes] = []
    folders: dict[str, None] = {}
    for name in files:
        folders |= dict.fromkeys(str(each) for each in reversed(Path(name).parents[:-1]))
    folders |= dict.fromkeys(("proc", "sys", "dev", "tmp", "run"))
    for folder in folders:
        parts.append(_entry(len(parts) + 1, folder, stat.S_IFDIR | 0o755, b""))
    for name, (mode, data) in files.items():
        parts.append(_entry(len(parts) + 1, name, stat.S_IFREG | mode, data))
    parts.append(_entry(0, "TRAILER!!!", 0, b""))
    return b"".join(parts)


def _entry(inode: int, name: str, mode: int, data: bytes) -> bytes:
    """Documentation/driver-api/early-userspace/buffer-format.rst of Linux: thirteen numbers of eight hex digits."""
    path = name.encode() + b"\0"
    numbers = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + path
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
