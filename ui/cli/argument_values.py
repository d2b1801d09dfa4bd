"""The values of options: each function makes one from its text. Raises argparse.ArgumentTypeError with the reason."""

import argparse
import math
import re

from app.edid.mode import Mode, parse_mode
from app.formats.reading import Parts, parse_parts
from app.host.gpu import GpuChoice, parse_gpu
from app.input.keys import check_qcode
from app.measure.compare.fail_condition import FailCondition, parse_condition
from app.open.target import Pid, parse_target

_MOST_KEYS = 2


def file_name(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("the name is empty")
    return text


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    # A timer of Qt and poll(2) take at most 2**31 milliseconds.
    if not 0 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 to 1000000")
    return value


def size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form WIDTHxHEIGHT, such as 1920x1080")
    return int(match.group(1)), int(match.group(2))


def interval(text: str) -> int:
    """A time in milliseconds as nanoseconds."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    # A longer interval would look like a stopped guest.
    if not 0.1 <= value <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of milliseconds from 0.1 to 10000")
    return round(value * 1e6)


def mode(text: str) -> Mode:
    try:
        return parse_mode(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def keys(text: str) -> tuple[str, ...]:
    try:
        keys = tuple(check_qcode(each) for each in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if len(keys) > _MOST_KEYS:
        raise argparse.ArgumentTypeError(f"{len(keys)} keys are more than {_MOST_KEYS}")
    return keys


def region(text: str) -> tuple[int, int, int, int]:
    match = re.fullmatch(r"([0-9]{1,5}),([0-9]{1,5}),([1-9][0-9]{0,4}),([1-9][0-9]{0,4})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form X,Y,WIDTH,HEIGHT, such as 100,200,64,32")
    x, y, width, height = map(int, match.groups())
    return x, y, width, height


def count(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 99999")
    return int(text)


def observed(text: str) -> Pid:
    target = parse_target(text)
    if not isinstance(target, Pid):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form pid:N or pid:N,fd=M")
    return target


def condition(text: str) -> FailCondition:
    try:
        return parse_condition(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def plot_file(text: str) -> str:
    if text != "-" and not text.lower().endswith((".png", ".svg")):
        raise argparse.ArgumentTypeError(f"{text!r} ends neither with .png nor with .svg")
    return text


def reading(text: str) -> Parts:
    try:
        return parse_parts(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def gpu(text: str) -> GpuChoice:
    try:
        return parse_gpu(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
