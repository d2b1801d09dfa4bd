"""No hint in the window names what a user of the menus cannot reach."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.picture_keys import PictureKey
from app.planes.status import Reason
from app.vm import qmp_socket_error
from tests.unit.app.diagnosis.picture.test_diagnose import CASES
from ui.window.picture.picture_text import finding_text
from ui.window.widgets.menu_words import PHRASES, Phrase, menu_words, page_words, sentence

COMMANDS = ("view", "run", "list", "doctor", "inspect", "capture", "screenshot", "measure", "bench")
# A long option, a command of this program, or its log.
_OUT_OF_REACH = re.compile(rf"(?<![\w-])--[a-z]|\bmdevview (?:{'|'.join(COMMANDS)})\b|\(-v\)")


@pytest.mark.parametrize("reason", Reason, ids=lambda each: each.key)
def test_no_reason_names_the_command_line(reason: Reason) -> None:
    said = menu_words(reason.meaning + " " + reason.remedy)
    assert not _OUT_OF_REACH.search(said), said
    assert said == menu_words(said)


@pytest.mark.parametrize("key", CASES, ids=lambda each: each.key)
def test_no_finding_names_the_command_line(key: PictureKey) -> None:
    for finding in diagnose(CASES[key][0]):
        said = menu_words(finding_text(finding))
        assert not _OUT_OF_REACH.search(said), said


def test_what_a_menu_offers_is_named() -> None:
    assert menu_words("Run 'mdevview doctor'.") == "Run 'Check this host' in the Help menu."
    assert menu_words("'mdevview list' shows it") == "'Choose screen' in the Machine menu shows it"
    assert menu_words("see 'mdevview doctor'") == "see 'Check this host' in the Help menu"
    assert menu_words(f"it is a symbolic link: {qmp_socket_error.REMEDY}") == "it is a symbolic link"
    assert menu_words("its configuration file is not read: use --qmp") == "its configuration file is not read"


def test_what_others_say_stays() -> None:
    """A name of a VM, and a command for a shell."""
    for text in (
        "view only: VM a--b",
        "sudo usermod -aG kvm $USER",
        "start QEMU with -qmp unix:PATH,server=on,wait=off",
    ):
        assert menu_words(text) == text


@cache
def _texts() -> tuple[str, ...]:
    """Every text of the program that is no docstring; what a text is given as it runs is X."""
    root = Path(__file__).parents[5]
    files = [each for folder in ("app", "gl", "ui") for each in (root / folder).rglob("*.py")]
    return tuple(
        text for file in files if file.name != "menu_words.py" for text in _texts_in(ast.parse(file.read_text()))
    )


def _texts_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(values):
                yield "".join(str(each.value) if isinstance(each, ast.Constant) else "X" for each in values)
            case ast.Constant(str(text)):
                yield text


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda each: each.said)
def test_each_phrase_is_in_a_sentence_of_the_program(phrase: Phrase) -> None:
    """Who changes the sentence must change the phrase, too."""
    assert any(re.search(phrase.said, text) for text in _texts())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("see 'mdevview doctor'", "'Run doctor' may tell more"),
        ("'mdevview list' shows which VMs run", "'Choose another…' shows which VMs run"),
        ("start the VM; 'mdevview view --wait' shows it", "start the VM; 'Wait for the VM' shows it"),
        ("Look at it. Run 'mdevview doctor'.", "Look at it. Press 'Run doctor'."),
        (
            "install it, or choose another --helper",
            "Install it, or choose another --helper. To give an option, start mdevview in a terminal.",
        ),
        ("sudo mdevctl start --uuid X", "sudo mdevctl start --uuid X"),
        ("a guest-agent--host", "a guest-agent--host"),
    ],
)
def test_commands_that_have_a_button_are_named_by_it(text: str, words: str) -> None:
    assert page_words(text) == words


def test_a_part_of_a_line_becomes_a_sentence() -> None:
    assert [sentence(each) for each in ("", "no VM", "0000:00:02.0 is gone", "'x' does it", "What?")] == [
        "",
        "No VM.",
        "0000:00:02.0 is gone.",
        "'x' does it.",
        "What?",
    ]
