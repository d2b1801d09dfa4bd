"""Every command that a message proposes is known and was tried: in the lab, or here by our own parser."""

import re
from collections.abc import Iterator
from itertools import takewhile

import pytest

from app.errors import MdevviewError
from tests.proposed_commands import COMMANDS, NAMED, texts, unknown
from ui.cli.parser import build_parser, parse

_TEXTS = tuple(texts())
# Words after "mdevview" up to the end of the quotation or of the sentence. Two blanks end an example of --help.
_OURS = re.compile(r"\bmdevview((?: (?![ ])(?:'[^']*'|[^\s'`,;:)]+(?::(?=\S)[^\s'`,;)]+)*))+)")
_VALUES = {"TARGET": "vm:win10", "{}": "83b8f4f2"}
# "mdevview" and the name of a command, and yet no command.
_NO_COMMANDS = ("# mdevview measure csv 1", "mdevview doctor report", r"mdevview bench --case [^:]*:")


def test_source_is_searched() -> None:
    assert len(_TEXTS) > 1000 and any("sudo modprobe" in each.text for each in _TEXTS)


def test_every_command_that_a_message_proposes_is_in_the_list() -> None:
    """A new one needs an entry in tests/proposed_commands.py, which says how it was tried."""
    assert [f"{each.place}: {left}" for each in _TEXTS if (left := unknown(each.text)) is not None] == []


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("load it: sudo modprobe kvmgt", True),
        ("load it (sudo modprobe kvmgt), or not", True),
        ("load it: sudo modprobe kvmgts", False),
        ("load it: sudo modprobe kvmgt vgem", False),
        ("restart it: sudo systemctl restart libvirtd", False),
        ("see 'lspci -k'", False),
        ("the helper needs pkexec or sudo", True),
        ("sudo", True),
    ],
)
def test_another_argument_makes_another_command(text: str, known: bool) -> None:
    assert (unknown(text) is None) is known


def test_list_has_no_command_that_nobody_proposes() -> None:
    everything = "\n".join(each.text for each in _TEXTS)
    assert [each.text for each in COMMANDS if each.text not in everything] == []
    assert [each for each in NAMED if each not in everything] == []


def test_each_command_is_tried_or_has_a_reason() -> None:
    assert [each.text for each in COMMANDS if not each.script and not each.why_not] == []
    # The script has the words of the command, so that it tries that one.
    lost = [each.text for each in COMMANDS if not each.why_not and not _is_tried(each.text, each.script)]
    assert lost == []


def _is_tried(text: str, script: str) -> bool:
    """The values, TYPE for instance, are others, and words that join two commands are left out."""
    if "REMEDY" in script:
        return True
    words = [each for each in re.split(r"[\s'()]+", text) if "{" not in each and not each.isupper()]
    return all(each in script for each in words if each not in ("and", "qemu:///system", "qemu:///session"))


def _own_commands() -> Iterator[tuple[str, list[str]]]:
    choices = next(each for each in build_parser()._actions if each.dest == "command").choices
    assert isinstance(choices, dict)
    for each in _TEXTS:
        if any(no in each.text for no in _NO_COMMANDS):
            continue
        for match in _OURS.finditer(each.text):
            # What the shell makes of the end is not ours.
            words = list(takewhile(lambda word: ">" not in word, match[1].rstrip(".").split()))
            # Without arguments it only names the command.
            if words[1:] and words[0] in choices:
                yield each.place, [_VALUES.get(word, word) for word in words]


def test_our_own_commands_are_parsed() -> None:
    tried = 0
    for place, words in _own_commands():
        tried += 1
        try:
            parse(words)
        except SystemExit as help_was_printed:
            assert help_was_printed.code == 0 and "--help" in words, place
        except MdevviewError as error:
            pytest.fail(f"{place}: mdevview {' '.join(words)}: {error}")
    assert tried > 10
