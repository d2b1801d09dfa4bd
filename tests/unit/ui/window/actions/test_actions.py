"""The table of actions."""

from collections import Counter
from dataclasses import fields

from tests.unit.ui.window.actions import desktop_keys
from ui.window.actions import key_rules
from ui.window.actions.actions import ACTIONS, KEYED, Menu
from ui.window.picture.view_options import ViewOptions


def test_no_key_has_two_meanings() -> None:
    """Ctrl+Alt+E is the inspector panel's."""
    keys = Counter(key for each in KEYED for key in each.shortcuts)
    assert max(keys.values()) == 1
    assert max(Counter(each.key for each in KEYED).values()) == 1


def test_every_option_of_the_view_has_an_action_that_sets_its_default() -> None:
    """Otherwise a window would start with another picture than the options say."""
    defaults = ViewOptions()
    for field in fields(ViewOptions):
        values = [each.option for each in ACTIONS if each.option is not None and each.option.field == field.name]
        assert values, field.name
        if len(values) > 1:
            assert getattr(defaults, field.name) in [each.checked for each in values]
        else:
            assert getattr(defaults, field.name) in (values[0].checked, values[0].unchecked)


def test_a_submenu_is_in_one_menu() -> None:
    menus: dict[str, set[Menu]] = {}
    for each in ACTIONS:
        if each.submenu:
            menus.setdefault(each.submenu, set()).add(each.menu)
    assert menus and all(len(each) == 1 for each in menus.values())


def test_a_letter_chooses_one_entry_of_a_menu() -> None:
    """With two, Qt only moves between them, and the user has to press Return."""
    entries = {(each.menu, each.submenu, each.text) for each in ACTIONS}
    entries |= {(each.menu, "", each.submenu) for each in ACTIONS if each.submenu}
    letters = Counter((menu, submenu, text.split("&")[1][0].lower()) for menu, submenu, text in entries if "&" in text)
    assert [each for each, count in letters.items() if count > 1] == []


def test_no_default_key_is_one_that_a_desktop_takes() -> None:
    """The window would never get it."""
    for desktop in (desktop_keys.XFCE, desktop_keys.GNOME, desktop_keys.PLASMA, desktop_keys.SYSTEM):
        assert all(key_rules.normal(each) == each for each in desktop), "as Qt writes it, or nothing would be found"
        assert not [(each.key, key) for each in KEYED for key in each.shortcuts if key in desktop]


def test_every_default_key_is_one_that_the_user_could_choose() -> None:
    """Also as Qt writes it: what is compared with it comes from Qt."""
    for key in (key for each in KEYED for key in each.shortcuts):
        assert key_rules.problem(key) == "" and key_rules.normal(key) == key
