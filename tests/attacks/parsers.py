"""Everything that parses what a user, a process, a guest, a driver or a file says, with what must hold for any input.

Tests and the fuzzer use the same table. An input is bytes; where a parser takes text, it is decoded as the kernel's
arguments are. A check raises AssertionError, or any error that its parser does not document.
"""

import json
import os
import random
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.attach.helper_answer import HelperAnswer, check_answer
from app.edid.make import make_edid
from app.edid.mode import BLOCK, Mode, parse_mode
from app.edid.parse import Edid, parse_edid
from app.errors import MdevviewError, UsageError
from app.formats.fourcc import format_name, fourcc_text, parse_fourcc
from app.formats.modifier import modifier_name, tile_of
from app.host import proc
from app.host.scanned_process import ScannedProcess
from app.measure.compare.comparison import comparison_document
from app.measure.compare.comparison_text import comparison_text
from app.measure.compare.fail_condition import parse_condition
from app.measure.compare.run_file import parse_run
from app.open.target import Named, Simulated, parse_target
from app.planes.raw_file import MOST_BYTES
from app.qemu.command_line import parse_command_line, vm_name
from app.qemu.qmp_address import TcpAddress, UnixAddress, parse_address, socket_name, tcp_address
from app.sim.config.spec import parse_spec
from app.text.clean import LONGEST_LINE, LONGEST_NAME
from app.vm.libvirt import _parse as parse_passed_on
from app.vm.peer import CommandError, ProtocolError
from app.vm.replies import one_line, parse_pointing, parse_run_state
from tests.attacks.decoders import DECODERS
from tests.attacks.general_settings import parse_settings, settings_text
from tests.attacks.helper_parsers import HELPER_ROWS
from tests.attacks.host_parsers import HOST_ROWS
from tests.attacks.raw_parsers import RAW_DOCUMENTS, READINGS, check_raw_document, check_reading
from ui.window.settings.settings_text import MOST_SUBJECTS, file_text, parse_file

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Parser:
    """``limit`` is the most bytes that its caller hands to it."""

    name: str
    check: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    limit: int = MEBIBYTE


def assert_shown(text: str, longest: int) -> None:
    """The text is short, and does nothing to a terminal."""
    assert len(text) <= longest, len(text)
    assert text.isprintable(), ascii(text)


def _target(data: bytes) -> None:
    try:
        target = parse_target(os.fsdecode(data))
    except UsageError:
        return
    if isinstance(target, Named):
        assert target.text.isascii() and len(target.text) < 40
    if isinstance(target, Simulated):
        with suppress(ValueError):
            parse_spec(target.spec)


def _spec(data: bytes) -> None:
    try:
        spec = parse_spec(os.fsdecode(data))
    except ValueError:
        return
    assert parse_spec(str(spec)) == spec, str(spec)
    for fault in spec.faults:
        fault.active(0), fault.active(1 << 40)
    assert spec.stride >= spec.format.row_bytes(spec.width)


def _mode(data: bytes) -> None:
    try:
        mode = parse_mode(os.fsdecode(data))
    except ValueError:
        return
    assert abs(parse_mode(str(mode)).refresh_hz - mode.refresh_hz) < 0.01


def _command_line(data: bytes) -> None:
    """The arguments are separated by NUL, as in /proc/PID/cmdline."""
    text = b"qemu-system-x86_64\0" + data
    arguments = proc.split_arguments(text)
    line = parse_command_line(arguments)
    assert line.name == vm_name(arguments)
    for monitor in line.monitors:
        assert (monitor.address is None) == bool(monitor.reason)
        assert_shown(str(monitor.address or monitor.reason), LONGEST_LINE)
        if isinstance(monitor.address, UnixAddress):
            socket_name(monitor.address)
    for device in line.devices:
        assert device.vfio_name is None or device.is_vfio
    process = ScannedProcess(1, "qemu", command_line=text)
    if process.vm_name is not None:
        assert_shown(process.vm_name, LONGEST_NAME)


def _address(data: bytes) -> None:
    try:
        address = parse_address(os.fsdecode(data))
    except UsageError:
        return
    assert_shown(str(address), max(LONGEST_LINE, 265))
    if isinstance(address, TcpAddress):
        assert 0 < address.port < 65536
        if address.host and not address.host.startswith("[") and not address.host.endswith("]"):
            assert tcp_address(str(address)) == address
    else:
        assert socket_name(address)


def _edid(data: bytes) -> None:
    for whole in (data, with_checksums(data)):
        try:
            edid = parse_edid(whole)
        except ValueError:
            continue
        assert isinstance(edid, Edid)
        assert_shown(edid.manufacturer, 3)
        assert_shown(edid.name or "", 13)
        if edid.preferred is not None:
            assert edid.preferred.refresh_hz > 0 and edid.preferred.width > 0 and edid.preferred.height > 0


def with_checksums(data: bytes) -> bytes:
    """Every whole block of an EDID, with its checksum put right."""
    blocks = [data[at : at + BLOCK - 1] for at in range(0, len(data) - BLOCK + 1, BLOCK)]
    return b"".join(each + bytes((-sum(each) % 256,)) for each in blocks)


def _helper_answer(data: bytes) -> None:
    for count in (0, 1, 2):
        try:
            answer = check_answer(data, count, 0, None)
        except MdevviewError as error:
            assert_shown(str(error), 500)
            continue
        assert isinstance(answer, HelperAnswer) and len(answer.numbers) == count
        assert all(0 <= each < 1 << 31 for each in (*answer.numbers, *answer.groups))


def _reply(data: bytes) -> None:
    """A value in a reply of QEMU, by whatever way it came."""
    with suppress(CommandError, ProtocolError):
        parse_passed_on(data.decode("utf-8", "replace"))
    assert_shown(one_line(data.decode("utf-8", "replace")), 120)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    with suppress(ValueError):
        parse_pointing(value)
    with suppress(ValueError):
        assert_shown(parse_run_state(value), 40)


def _fourcc(data: bytes) -> None:
    text = os.fsdecode(data)
    with suppress(ValueError):
        assert fourcc_text(parse_fourcc(text)) in (text.rstrip(" "), f"0x{parse_fourcc(text):08x}")
    code = int.from_bytes(data[:4], "little")
    assert_shown(fourcc_text(code), 10)
    assert_shown(format_name(code), 20)
    if not fourcc_text(code).startswith("0x"):
        assert parse_fourcc(fourcc_text(code)) == code


def _modifier(data: bytes) -> None:
    code = int.from_bytes(data[:8], "little")
    assert_shown(modifier_name(code), 200)
    for size in (1, 2, 3, 4, 8):
        tile = tile_of(code, size)
        assert tile is None or tile.width_bytes * tile.height == 4096


def _proc(data: bytes) -> None:
    """The same bytes in every file of /proc/PID that is parsed."""
    with suppress(ValueError, IndexError):
        proc.parse_stat(data)
    folder = _folder()
    for name in ("comm", "cmdline", "stat", "fdinfo/3"):
        (folder / name).write_bytes(data)
    with proc.open_folder(folder) as fd:
        assert_shown(proc.read_name(fd), 64 if len(data) < 64 else LONGEST_NAME)
        line, is_cut = proc.read_command_line(fd)
        assert is_cut or len(proc.split_arguments(line)) <= data.count(b"\0") + 1
        proc.read_stat(fd)
        proc.read_fdinfo(3, fd)


@cache
def _folder() -> Path:
    folder = Path(_temporary().name)
    (folder / "fdinfo").mkdir()
    return folder


@cache
def _temporary() -> "tempfile.TemporaryDirectory[str]":
    # Removed at the end of the program.
    memory = "/dev/shm"
    return tempfile.TemporaryDirectory(prefix="mdevview-parsers-", dir=memory if Path(memory).is_dir() else None)


def _settings(data: bytes) -> None:
    try:
        text = data.decode()
        settings, ignored = parse_settings(text)
    except ValueError:
        return
    assert parse_settings(settings_text(settings)) == (settings, ())
    file, _ = parse_file(text)
    kept, unknown = parse_file(file_text(file))
    assert list(kept.subjects.items()) == list(file.subjects.items())[-MOST_SUBJECTS:] and not unknown
    # A section has its letters, a key has small ones.
    assert all(each in text or each in text.lower() for each in ignored)


def _run_file(data: bytes) -> None:
    """A file that is compared, whole or broken, from anywhere."""
    try:
        run = parse_run("a.json", data)
    except MdevviewError as error:
        assert_shown(str(error), 400)
        return
    for text in (*run.meta, *run.meta.values(), *run.stages, run.target or ""):
        assert_shown(text, LONGEST_NAME)
    with suppress(MdevviewError):
        document = comparison_document([run, run])
        json.dumps(document, allow_nan=False)
        assert all(map(str.isprintable, comparison_text(document).split("\n")))


def _fail_condition(data: bytes) -> None:
    try:
        assert_shown(parse_condition(os.fsdecode(data)).text, 60)
    except ValueError as error:
        assert_shown(str(error), 200)


_NAME = b"-name\0guest=win10,debug-threads=on\0-uuid\0008fb8a5a-6a0e-4a4b-9a7c-000000000001\0"
_JSON_DEVICE = b'-device\0{"driver":"vfio-pci","id":"hostdev0","host":"0000:00:02.0","display":true,"x":[1]}\0'
_EDID = make_edid(Mode(1920, 1080))
_STAT = b"4711 (qemu) x) S 1 4711 4711 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 4 0 123456 999 888 77"

PARSERS = (
    Parser(
        "target",
        _target,
        (b"83b8f4f2-509f-382f", b"0000:00:02.0", b"pid:4711,fd=12", b"vm:win10", b"fd:9", b"sim:gvt,size=64x64", b""),
    ),
    Parser(
        "sim",
        _spec,
        (
            b"gvt,format=XR24,modifier=X,size=1920x1080,fps=59.94,buffers=3,stride=7680,cursor=on,hot=3x4",
            b"mbochs,module=mbochs,size=64x64,matrix=bt709,format=YUYV",
            b"mdpy,fps=0,fault=off@1.5-2.25/4+stale+gone@3+truncated@0.1+mode@1-2",
            b"gvt,modifier=INTEL_Yf_TILED,hot=unknown,fault=query-einval@1-/9",
        ),
    ),
    Parser("mode", _mode, (b"1920x1080@59.94", b"800x600", b" 1024x768@75Hz ")),
    Parser(
        "command line",
        _command_line,
        (
            _NAME + b"-qmp\0unix:/run/a,server=on,wait=off\0-device\0vfio-pci,sysfsdev=/sys/bus/mdev/devices/a/",
            b"-chardev\0socket,id=m,fd=3\0-mon\0chardev=m,mode=control\0--accel\0kvm:tcg\0-no-shutdown",
            b"-qmp\0tcp:127.0.0.1:4444,server\0-M\0q35,accel=kvm\0-action\0shutdown=pause\0-readconfig\0a",
            _JSON_DEVICE + b"-qmp\0unix:a,,b,abstract=on,tight=off,server=yes\0disk.img\0-daemonize",
        ),
    ),
    Parser(
        "monitor address",
        _address,
        (b"unix:/run/a,,b,server=on", b"tcp:[::1]:4444,server", b"localhost:4444", b"./qmp", b"@x", b"host:0"),
    ),
    Parser("EDID", _edid, (_EDID, make_edid(Mode(5120, 2880, 120)), make_edid(Mode(64, 64)) + bytes(BLOCK))),
    Parser(
        "helper answer",
        _helper_answer,
        (b'{"fds": [12, 40], "groups": [7]}', b'{"refused": "no such process", "kind": "process"}', b"[]", b"{}"),
        1 << 16,
    ),
    Parser(
        "QMP reply",
        _reply,
        (
            b'{"return": [{"name": "a", "index": 2, "current": true, "absolute": false}]}',
            b'[{"current": false, "absolute": true}, {"current": true, "absolute": true}]',
            b'{"status": "running", "singlestep": false, "running": true}',
            b'{"error": {"class": "GenericError", "desc": "Input handler not found"}}',
        ),
    ),
    Parser("fourcc", _fourcc, (b"XR24", b"C8", b"YUYV", b"    ", b"0x00")),
    Parser("modifier", _modifier, (bytes(8), (1 << 56 | 1).to_bytes(8, "little"), b"\xff" * 7 + b"\0", b"\xff" * 8)),
    Parser(
        "proc",
        _proc,
        (
            _STAT,
            b"pos:\t0\nflags:\t02000002\nvfio-device-syspath: /sys/devices/pci0000:00/0000:00:02.0/a\n",
            b"size:\t4096\ncount:\t2\nexp_name:\ti915\nname:\ta\nb\n",
            b"qemu-system-x86_64\0-name\0a\0",
        ),
    ),
    Parser(
        "settings",
        _settings,
        (
            b"[General]\nscaling=fit\nfilter=linear\nwidth=1024\nheight=700\nx=-5\ny=17\nmaximized=false\n",
            b"[General]\nfilter=nearest\ngeometry=@ByteArray(\\x1\\xd9\\xd0\\xcb\\0\\x3)\nscaling=integer\n",
            b"# a\n[General]\n\n[Other]\nwidth = 1\n  2\n",
            b"[General]\nscaling=actual\n[]\nflip-y=true\n[VM name a%5D]\nrotation=90\nflip-x=true\n[simulated]\n",
        ),
        4096,
    ),
    Parser(
        "run file",
        _run_file,
        (
            b'{"version": 1, "kind": "measure", "target": "a", "meta": {"driver": "b", "options": {"window": true}}, '
            b'"duration_s": 1.5, "complete": false, "polls": 9, "stages": {"query": {"count": 3, "p50_us": 5, '
            b'"p50_low_us": 4, "p50_high_us": 6, "max_us": 9.5, "histogram": [[5, 2], [9.5, 1]], "blocks": [[[5, 2]], '
            b"[], [[9.5, 1]]]}}}",
        ),
    ),
    *(Parser(*each) for each in HELPER_ROWS),
    *(Parser(*each) for each in HOST_ROWS),
    *(Parser(*each) for each in DECODERS),
    Parser("reading", check_reading, READINGS),
    Parser("raw document", check_raw_document, RAW_DOCUMENTS, MOST_BYTES),
    Parser("fail condition", _fail_condition, (b"p99>+10%", b"query.p50<-200us", b"flip_to_submit.p99.9>+2ms", b"max")),
)

_WORDS = (
    *(b"\0", b"\n", b",", b",,", b"=", b":", b"-", b"@", b"/", b"+", b"x", b"[", b"]", b"{", b"}", b'"', b"%", b" "),
    *(
        b"on",
        b"off",
        b"no",
        b"unix:",
        b"tcp:",
        b"sim:",
        b"fault=",
        b"true",
        b"null",
        b"1e999",
        b"NaN",
        b"-0",
        b"9" * 20,
    ),
    *(b"\xff", b"\xed\xa0\x80", "\u202e".encode(), "٣".encode(), "ı".encode(), b"\x1b[2J", b"18446744073709551616"),
)


def mutated(seed: bytes, seeds: tuple[bytes, ...], chance: random.Random) -> bytes:
    """A seed with some changes: bytes and words put in, taken out, replaced and repeated, and parts of other seeds."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 6)):
        at, end = sorted((chance.randint(0, len(data)), chance.randint(0, len(data))))
        match chance.randrange(7):
            case 0:
                data[at:at] = chance.choice(_WORDS)
            case 1:
                del data[at : min(end, at + chance.randint(1, 12))]
            case 2:
                data[at : at + 1] = bytes((chance.randrange(256),))
            case 3:
                data[at:at] = data[at:end]
            case 4:
                other = chance.choice(seeds)
                data[at:end] = other[chance.randint(0, len(other)) :]
            case 5:
                data[at : at + 1] = chance.choice(_WORDS)
            case _:
                data[at:at] = chance.randbytes(chance.randint(1, 8))
    return bytes(data[:20_000])
