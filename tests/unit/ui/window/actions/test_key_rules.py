"""Which keys an action can have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.window.actions import key_rules


@pytest.mark.parametrize("text", ["Ctrl+Alt+G", "ctrl+f8", "Meta+Return", "Alt+F7", "Ctrl+Alt+,", "F11", "Shift+F11"])
def test_a_key_with_a_modifier_and_a_function_key_are_allowed(text: str) -> None:
    assert key_rules.problem(text) == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("G", "it would be taken from the guest"),
        ("Shift+G", "it would be taken from the guest"),
        ("Pause", "it would be taken from the guest"),
        ("Esc", "it would be taken from the guest"),
        ("Alt+M", "for the menus"),
        ("Ctrl+K, Ctrl+C", "more than one key"),
        ("Ctrl+Alt", "only modifiers"),
        ("Ctrl+Nonsense", "is no key"),
        ("", "no key"),
    ],
)
def test_what_would_take_a_key_from_the_guest_is_refused_with_the_reason(text: str, reason: str) -> None:
    assert reason in key_rules.problem(text)


@given(st.text(st.sampled_from("CtrlAShifMeaF1g+, ;=\0ü"), max_size=20))
def test_a_text_is_a_key_or_has_a_problem(text: str) -> None:
    """What is allowed is one key, and Qt reads what it writes."""
    if not key_rules.problem(text):
        again = key_rules.normal(text)
        assert again and key_rules.normal(again) == again and not key_rules.problem(again)
