"""The picture, or the page in its place."""

from tests.unit.command import run_without_display


def test_page_comes_after_the_grace_period_and_the_keys_go_where_they_are_of_use() -> None:
    run_without_display("tests.unit.ui.window.page.programs.page_in_place")
