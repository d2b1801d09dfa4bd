"""Shell completion, made from the parser by shtab, with the host's vGPUs for TARGET."""

import argparse
import re

import shtab

from app.errors import MdevviewError
from ui.cli.completion_scripts import AFTER, BEFORE

# The names of arguments that are files.
_FILES = frozenset({"FILE", "SOCKET", "NODE", "A.json", "B.json", "VALUE"})


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The completion script for ``bash``, ``zsh``, ``fish`` or ``tcsh`` (which does not complete a TARGET).

    Raises MdevviewError where this shtab is too old for the shell: 1.7 knows no fish.
    """
    if shell not in shtab.SUPPORTED_SHELLS:
        raise MdevviewError(f"the installed shtab has no completion for {shell}", "install a newer shtab (1.13)")
    commands = next(each for each in parser._actions if isinstance(each, argparse._SubParsersAction)).choices
    _mark(parser)
    before, after = (each.get(shell, "").replace("COMMANDS", "|".join(commands)) for each in (BEFORE, AFTER))
    return f"{shtab.complete(parser, shell, preamble=before)}{after}"


def _mark(parser: argparse.ArgumentParser) -> None:
    """Tell shtab how to complete the arguments that have no fixed choices. Descriptions become short: a shell shows
    each on one line."""
    for action in parser._actions:
        if action.help is not None and action.help != argparse.SUPPRESS:
            action.help = _brief(action.help)
        if action.dest in ("target", "targets") and not action.option_strings:
            action.complete = _function("_mdevview_targets")  # type: ignore[attr-defined]
        elif action.nargs == argparse.REMAINDER:
            action.complete = _function("_mdevview_command")  # type: ignore[attr-defined]
        elif action.metavar in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                each.description = _brief(each.description or "")
                _mark(each)


def _function(name: str) -> dict[str, str]:
    return {"bash": name, "zsh": name, "fish": f"({name})"}


def _brief(text: str) -> str:
    """The start of a description, up to the first mark that ends a thought."""
    return re.split(r"; |: |\. | \(|\.$", text)[0]
