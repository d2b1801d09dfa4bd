"""The menu bar of the window, made from the table of actions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from PyQt6.QtGui import QAction, QActionGroup
from PyQt6.QtWidgets import QMainWindow, QMenu

from ui.window.actions.actions import ACTIONS, ActionSpec, Menu
from ui.window.actions.shortcuts import Shortcuts

_Handler = Callable[..., object]


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the actions call. ``by_key`` has those with a handler of their own; the others set view options.

    ``send`` gets the names of the keys of an action that sends some. ``opened`` is called before a menu opens,
    ``triggered`` before any action does something.
    """

    by_key: Mapping[str, _Handler]
    set_option: _Handler
    send: Callable[[tuple[str, ...]], object]
    opened: _Handler
    triggered: _Handler


def add_menus(window: QMainWindow, handlers: Handlers, resolutions: QMenu, shortcuts: Shortcuts) -> dict[str, QAction]:
    """Add every menu and action to the window. Returns the actions by their keys in :mod:`ui.window.actions.actions`.

    ``resolutions`` is the menu behind that of the view; it has its own actions.
    """
    menus = _add_bar(window, handlers, resolutions)
    submenus: dict[str, QMenu] = {}
    groups: dict[str, QActionGroup] = {}
    actions: dict[str, QAction] = {}
    for spec in ACTIONS:
        menu = menus[spec.menu]
        if spec.submenu:
            menu = submenus.get(spec.submenu) or _add_submenu(menu, spec.submenu)
            submenus[spec.submenu] = menu
        if spec.separated:
            menu.addSeparator()
        action = actions[spec.key] = _make_action(window, spec, handlers)
        shortcuts.bind(action, spec.key)
        menu.addAction(action)
        if spec.group:
            groups.setdefault(spec.group, QActionGroup(window)).addAction(action)
    return actions


def _add_bar(window: QMainWindow, handlers: Handlers, resolutions: QMenu) -> dict[Menu, QMenu]:
    bar = window.menuBar()
    assert bar is not None
    menus: dict[Menu, QMenu] = {}
    for menu in Menu:
        created = bar.addMenu(menu.value)
        assert created is not None
        created.setToolTipsVisible(True)
        # On X11 an open menu takes the keys, but the picture keeps the focus.
        created.aboutToShow.connect(handlers.opened)
        menus[menu] = created
        if menu is Menu.VIEW:
            resolutions.aboutToShow.connect(handlers.opened)
            bar.addMenu(resolutions)
    return menus


def _add_submenu(menu: QMenu, text: str) -> QMenu:
    before = menu.actions()
    if before and before[-1].menu() is None:
        menu.addSeparator()
    created = menu.addMenu(text)
    assert created is not None
    return created


def _make_action(window: QMainWindow, spec: ActionSpec, handlers: Handlers) -> QAction:
    action = QAction(spec.text, window)
    action.setCheckable(spec.checkable)
    # Holding the shortcut triggers the action once.
    action.setAutoRepeat(False)
    action.triggered.connect(handlers.triggered)
    # On the window too, because the shortcuts of a hidden menu bar do not work.
    window.addAction(action)
    handler = handlers.by_key.get(spec.key, handlers.set_option)
    if spec.sends:
        handler = partial(_send, handlers, spec.sends)
    if spec.checkable:
        action.toggled.connect(handler)
    else:
        action.triggered.connect(handler)
    return action


def _send(handlers: Handlers, names: tuple[str, ...], _checked: bool = False) -> None:
    handlers.send(names)
