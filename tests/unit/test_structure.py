"""The rules of CONTRIBUTING.md for files and folders that import-linter does not check."""

import ast
import os
import re
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.unit.command import REPOSITORY

_LONGEST_FILE = 400
# Tests of no module: of the repository itself, and of what tests use.
_OF_NO_MODULE = {"test_structure.py", "test_proposed_commands.py", "test_fake_vm.py"}


def _files(*folders: str) -> Iterator[Path]:
    """The Python files below these folders, relative to the repository."""
    for folder in folders:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            yield path.relative_to(REPOSITORY)


def _name(path: Path) -> str:
    """The module that a file is."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


_MODULES = {_name(each): each for each in _files("app", "gl", "ui")}


def _imports(path: Path) -> set[str]:
    """The modules of this program that a file imports, anywhere in it: a late import makes a circle too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((REPOSITORY / path).read_text())):
        names: Iterable[str] = ()
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: import paths are folder paths"
            full = [f"{node.module}.{each.name}" for each in node.names]
            names = [each if each in _MODULES else str(node.module) for each in full]
        found.update(each for each in names if each in _MODULES)
    return found


_IMPORTS = {name: _imports(path) for name, path in _MODULES.items()}


def _circle(graph: dict[str, set[str]]) -> list[str]:
    """One circle in a graph, empty where it has none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_files_import_each_other_in_a_circle() -> None:
    assert sum(map(len, _IMPORTS.values())) > len(_MODULES), "the imports were not found"
    assert _circle(_IMPORTS) == []


def test_no_folders_import_each_other_in_a_circle() -> None:
    """Files beside a folder, such as app/sim/profile.py beside app/sim/driver, count as a folder of their own."""
    folders: dict[str, set[str]] = {}
    for name, imported in _IMPORTS.items():
        folder = str(_MODULES[name].parent)
        folders.setdefault(folder, set()).update(str(_MODULES[each].parent) for each in imported)
    assert len(folders) > 20
    assert _circle({folder: others - {folder} for folder, others in folders.items()}) == []


def test_packages_are_empty() -> None:
    """What an __init__.py imports, everyone who imports a part of its package imports too."""
    packages = [name for name, path in _MODULES.items() if path.name == "__init__.py"]
    assert [each for each in packages if _IMPORTS[each]] == []


def test_no_module_lies_loose_in_app() -> None:
    assert {each.name for each in (REPOSITORY / "app").glob("*.py")} == {"__init__.py", "errors.py"}


def test_unit_tests_are_found_by_the_name_of_their_module() -> None:
    """``test_X.py`` and ``test_X_SUBJECT.py`` test the module X in the folder of the same path."""
    lost = []
    for path in _files("tests/unit"):
        folder = path.parent.relative_to("tests/unit")
        if not path.name.startswith("test_") or str(folder / path.name) in _OF_NO_MODULE:
            continue
        words = path.stem.removeprefix("test_").split("_")
        names = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
        if not any((REPOSITORY / folder / f"{name}.py").is_file() for name in names):
            lost.append(str(path))
    assert lost == []


def test_each_promise_names_the_tests_that_attack_it() -> None:
    named = re.findall(r"`(test_\w+\.py)`", (REPOSITORY / "SECURITY.md").read_text())
    assert sorted(named) == sorted(each.name for each in _files("tests/attacks") if each.name.startswith("test_"))


@pytest.mark.parametrize("folder", ["app", "gl", "ui", "tests", "packaging"])
def test_no_file_is_long(folder: str) -> None:
    long = {str(path) for path in _files(folder) if (REPOSITORY / path).read_text().count(os.linesep) > _LONGEST_FILE}
    assert long == set()
