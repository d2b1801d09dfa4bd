"""Entry of the command line: runs one command, and turns an error into one line and an exit status."""

import importlib
import os
import sys
from collections.abc import Sequence

from app.errors import MdevviewError
from ui.cli import output
from ui.cli.parser import PROG, parse

# The status that a shell reports for a program that SIGINT ended.
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (default: the process's own). Returns the exit status."""
    output.fill_standard_files()
    # The terminal's encoding may lack characters in a name from the kernel or a VM.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _run(sys.argv[1:] if argv is None else argv)
        output.write_output("", end="")
    except MdevviewError as error:
        return _fail(str(error), error.exit_status)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        output.discard_output()
        return 1
    except Exception as error:
        _log_traceback()
        return _fail(str(_unhandled(error)), 1)
    return status


def _run(arguments: Sequence[str]) -> int:
    try:
        args = parse(arguments)
    except SystemExit as done:
        return int(done.code or 0)
    if args.verbose:
        _start_logging(args.verbose)
    # Else numpy's OpenBLAS takes memory and threads for products of large matrices, which nothing here has.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Each command imports only what it needs: `list` neither Qt nor OpenGL nor numpy.
    status: int = importlib.import_module(f"ui.cli.{args.command}").run(args)
    return status


def _start_logging(verbose: int) -> None:
    import logging  # noqa: PLC0415  (4 ms, which `list` does not spend)

    class Line(logging.Formatter):
        """Makes each message printable: a VM chooses its own name and messages. A traceback keeps its lines."""

        def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
            return output.printable(super().formatMessage(record))

    handler = logging.StreamHandler()
    handler.setFormatter(Line(f"{PROG}: %(levelname)s: %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler])
    # Only this program's own packages: what PyOpenGL logs about its loading helps nobody.
    for package in ("app", "gl", "ui"):
        logging.getLogger(package).setLevel(logging.INFO if verbose == 1 else logging.DEBUG)


def _log_traceback() -> None:
    logging = sys.modules.get("logging")
    if logging is not None:
        logging.getLogger(__name__).debug("a command failed", exc_info=True)


def _unhandled(error: Exception) -> MdevviewError:
    """The message for the user about an error that no command handled."""
    # Imported only here: commands that succeed do not need it.
    from app.diagnosis.unhandled_error import unhandled_error_finding  # noqa: PLC0415

    # gl is not imported here, as not every command needs it. If it raised the error, it is imported already.
    gl_errors = sys.modules.get("gl.errors")
    graphics = gl_errors is not None and isinstance(error, gl_errors.GraphicsError)
    finding = unhandled_error_finding(error, graphics=graphics)
    return MdevviewError(finding.message, finding.remedy)


def _fail(text: str, status: int) -> int:
    line = output.printable(" ".join(text.split()))
    output.write_error(f"{PROG}: {line}")
    output.discard_output()
    return status
