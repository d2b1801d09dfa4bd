"""Messages in a window name what its user can reach."""

import pytest

from ui.window.page.page_words import page_words, sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("see 'mdevview doctor'", "'Run doctor' may tell more"),
        ("'mdevview list' shows which VMs run", "'Choose another…' shows which VMs run"),
        ("start the VM; 'mdevview view --wait' shows it", "start the VM; 'Wait for the VM' shows it"),
        ("run 'mdevview doctor'", "press 'Run doctor'"),
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
