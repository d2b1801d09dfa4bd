"""Entry of the command line: runs one command and turns what went wrong into one line and an exit status."""

import importlib
import sys
from collections.abc import Sequence

from app.errors import MdevviewError
from ui.cli import output
from ui.cli.parser import PROG, parse

# What a shell reports for a program that SIGINT ended.
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (default: the process's own); the exit status."""
    output.fill_standard_files()
    # A name from the kernel or a VM may not be printable in the terminal's encoding.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _run(sys.argv[1:] if argv is None else argv)
        output.say("", end="")
    except MdevviewError as error:
        return _fail(str(error), error.exit_status)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        output.drop()
        return 1
    except Exception as error:
        _log_traceback()
        return _fail(_words(error), 1)
    return status


def _run(arguments: Sequence[str]) -> int:
    try:
        args = parse(arguments)
    except SystemExit as done:
        return int(done.code or 0)
    if args.verbose:
        _start_logging(args.verbose)
    # Each command imports what it alone needs: `list` neither Qt nor OpenGL nor numpy.
    status: int = importlib.import_module(f"ui.cli.{args.command}").run(args)
    return status


def _start_logging(verbose: int) -> None:
    import logging  # noqa: PLC0415  (4 ms, which `list` does not spend)

    class Line(logging.Formatter):
        """A VM chooses its name and its words, and this is a terminal; a traceback has lines of its own."""

        def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
            return output.printable(super().formatMessage(record))

    handler = logging.StreamHandler()
    handler.setFormatter(Line(f"{PROG}: %(levelname)s: %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler])
    # Only this program's own packages: what PyOpenGL loads is nobody's question.
    for package in ("app", "gl", "ui"):
        logging.getLogger(package).setLevel(logging.INFO if verbose == 1 else logging.DEBUG)


def _log_traceback() -> None:
    logging = sys.modules.get("logging")
    if logging is not None:
        logging.getLogger(__name__).debug("a command failed", exc_info=True)


def _words(error: Exception) -> str:
    """One line for an error that no command foresaw."""
    # gl is imported by then or it cannot have raised; importing it here would cost every command.
    graphics = sys.modules.get("gl.errors")
    if graphics is not None and isinstance(error, graphics.GraphicsError):
        return f"{error}; 'mdevview doctor' looks into it"
    if isinstance(error, ImportError):
        return f"a library is missing: {error}; 'mdevview doctor' looks into it"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"internal error: {type(error).__name__}: {error}; please report it with the output of -vv"


def _fail(text: str, status: int) -> int:
    line = output.printable(" ".join(text.split()))
    print(f"{PROG}: {line}", file=sys.stderr)
    output.drop()
    return status
