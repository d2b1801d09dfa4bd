"""No hint in the window names what a user of the menus cannot reach."""

import re

import pytest

from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.picture_keys import PictureKey
from app.planes.status import Reason
from app.vm import qmp_socket_error
from tests.unit.app.diagnosis.picture.test_diagnose import CASES
from ui.window.picture.picture_text import finding_text
from ui.window.widgets.menu_words import menu_words

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
