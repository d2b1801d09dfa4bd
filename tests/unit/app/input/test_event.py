"""Input events in QEMU's words."""

from app.input.event import Axis, Button


def test_buttons_and_axes_are_qemus(enums: list[set[str]]) -> None:
    (buttons,) = (each for each in enums if {"wheel-up", "side"} <= each)
    assert {each.value for each in Button} == buttons - {"touch"}
    assert {each.value for each in Axis} in enums
