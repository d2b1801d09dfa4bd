"""The files of a measurement, and the exit status that fits what they hold."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.diagnosis.picture.picture_findings import device_gone
from app.measure.record.csv_file import CsvFile
from app.measure.record.run_document import json_text
from app.measure.record.run_text import run_text
from app.planes.status import State, Status
from ui.cli.output import write_output
from ui.cli.output_file import is_standard_output, open_for_rows, row_error, write_file

# What a shell adds to the number of the signal that ended a program.
_SIGNALLED = 128


@contextmanager
def csv_file(args: argparse.Namespace) -> Iterator[CsvFile | None]:
    """The file of ``--csv``, None without the option; closed at the end. Raises MdevviewError."""
    if not args.csv:
        yield None
        return
    csv = CsvFile(open_for_rows(args.csv, "--csv"))
    try:
        yield csv
    finally:
        csv.close()


def check_rows(args: argparse.Namespace, csv: CsvFile | None) -> None:
    """Raises MdevviewError if rows are missing in the file, BrokenPipeError if nobody reads standard output."""
    if csv is not None and csv.failed is not None:
        raise row_error(args.csv, csv.failed)


def write_document(name: str, document: dict[str, Any], option: str) -> None:
    """Write a document to a file. Raises MdevviewError."""
    write_file(name, json_text(document).encode(), option)


def write_run(args: argparse.Namespace, document: dict[str, Any]) -> None:
    """The document to its file, and the table to standard output unless a file is there. Raises MdevviewError."""
    if args.json:
        write_document(args.json, document, "--json")
    if not (is_standard_output(args.json) or is_standard_output(args.csv)):
        write_output(run_text(document))


def exit_status(document: dict[str, Any], status: Status, signal_number: int) -> int:
    """For a run that is not complete it is the one of a program that this signal ended.

    ``status`` is the last one of the device. Raises DeviceGone.
    """
    if status.state is State.GONE:
        raise device_gone(document["target"], status)
    return 0 if document["complete"] else signalled_status(signal_number)


def signalled_status(number: int) -> int:
    """The exit status that a shell reports for a program that this signal ended."""
    return _SIGNALLED + number
