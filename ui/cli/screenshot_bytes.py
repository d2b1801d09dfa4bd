"""``mdevview screenshot`` with --raw, --as, --guess and --from-raw: the bytes of a plane, read by the CPU."""

import argparse
import json
from collections.abc import Callable
from datetime import UTC, datetime

from app.attach.helper_fds import HelperMethod
from app.errors import MdevviewError, UsageError
from app.formats.fourcc import fourcc_text
from app.formats.guess import Guess, guess, guess_document
from app.formats.raw_picture import raw_picture
from app.formats.reading import NOTHING, Parts, read_as
from app.formats.yuv import Matrix
from app.open.opening import OpenOptions, open_target
from app.planes.buffer import Buffer
from app.planes.plane import Plane, PlaneKind
from app.planes.raw_file import RawFacts, facts_of, raw_document, raw_length
from ui.cli.output import write_error, write_output
from ui.cli.output_file import is_standard_output, write_file
from ui.cli.plane_bytes import use_plane_bytes
from ui.cli.raw_output import document_name, read_raw, write_raw
from ui.png import png_bytes

_BEST = 10


def run(args: argparse.Namespace) -> int:
    """Write the bytes, a picture of them, or a table of their likely readings. Raises MdevviewError."""
    if args.from_raw is not None:
        data, facts = read_raw(args.from_raw)
        _use(args, data, facts or RawFacts(), args.from_raw)
        return 0
    kind = PlaneKind.CURSOR if args.plane == "cursor" else PlaneKind.PRIMARY
    session = open_target(args.target, options=OpenOptions(HelperMethod(args.helper)))
    try:
        device = session.describe()["device"]

        def use(plane: Plane, buffer: Buffer, memory: memoryview) -> None:
            missing = raw_length(plane, buffer) - len(memory)
            if missing > 0:
                write_error(f"mdevview: {session.target}: the last {missing} bytes are missing: they cannot be mapped")
            if args.raw:
                now = datetime.now(UTC).isoformat(timespec="seconds")
                write_raw(args.output, memory, raw_document(plane, buffer, device, len(memory), now))
            else:
                _use(args, memory, facts_of(plane), session.target)

        use_plane_bytes(session, kind, args.timeout, use)
    finally:
        session.close()
    return 0


def _use(args: argparse.Namespace, data: memoryview, facts: RawFacts, name: str) -> None:
    given = args.reading or NOTHING
    if args.guess:
        _guess(args, data, given, facts, name)
    else:
        _save_picture(args, data, given, facts, name)


def _save_picture(args: argparse.Namespace, data: memoryview, given: Parts, facts: RawFacts, name: str) -> None:
    try:
        reading = read_as(given, facts.parts, facts.offset)
        picture = raw_picture(data, reading, Matrix[args.matrix.upper()])
    except ValueError as error:
        raise _unread(args, name, error) from error
    if picture.missing:
        write_error(
            f"mdevview: {name}: {picture.missing} of the {reading.size} bytes of {reading} are missing; what they "
            "would show is black"
        )
    rgba = picture.rgba[::-1] if facts.y_inverted else picture.rgba
    write_file(args.output, png_bytes(rgba, premultiplied=facts.premultiplied))


def _unread(args: argparse.Namespace, name: str, error: ValueError) -> MdevviewError:
    if args.reading is not None:
        return UsageError(f"{name}: --as: {error}", "see `mdevview screenshot --help`; --guess lists likely readings")
    if args.from_raw is not None:
        remedy = f"give --as FORMAT:MODIFIER:WxH:STRIDE, {document_name(name)} beside it, or --guess"
        return MdevviewError(f"{name}: {error}", remedy)
    return MdevviewError(f"{name}: {error}", "give --as FORMAT:MODIFIER:WxH:STRIDE")


def _guess(args: argparse.Namespace, data: memoryview, given: Parts, facts: RawFacts, name: str) -> None:
    """Keep the size, which a device hardly gets wrong, and what is given."""
    known = Parts(given.fourcc, given.modifier, given.size or facts.parts.size, given.stride)
    try:
        result = guess(data, known, facts.offset, args.best or _BEST)
    except ValueError as error:
        raise MdevviewError(f"{name}: {error}", "give --as without --guess, or other bytes") from error
    if args.output is not None:
        if not result.readings:
            raise MdevviewError(f"{name}: {result.note}", "give --as without --guess")
        reading = result.readings[0].reading
        rgba = raw_picture(data, reading, Matrix[args.matrix.upper()]).rgba
        write_file(args.output, png_bytes(rgba[::-1] if facts.y_inverted else rgba, premultiplied=facts.premultiplied))
    # The table must not run into a picture on standard output.
    say: Callable[[str], None] = write_error if is_standard_output(args.output) else write_output
    say(json.dumps(guess_document(result), indent=2) if args.json else "\n".join(_lines(result)))


def _lines(result: Guess) -> list[str]:
    if not result.readings:
        return [result.note]
    texts = [str(each.reading) for each in result.readings]
    longest = max(map(len, texts))
    lines = [f"{'--as':<{longest}}   score   or, with swapped channels"]
    for text, each in zip(texts, result.readings, strict=True):
        also = ", ".join(map(fourcc_text, each.also))
        lines.append(f"{text:<{longest}}  {each.score:6.4f}   {also}".rstrip())
    lines.append("score: 0 is smooth, 1 is noise")
    return [*lines, f"note: {result.note}"] if result.note else lines
