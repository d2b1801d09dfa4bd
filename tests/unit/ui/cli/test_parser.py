"""What the command line takes, and the man page that is made from it."""

import subprocess
import sys

from app.open.target import Default, Named, Simulated
from app.sim.config.spec import _PARSERS
from tests.unit.command import REPOSITORY
from ui.cli.parser import build_parser, parse

PAGE = REPOSITORY / "packaging/man/mdevview.1"


def test_man_page_agrees_with_the_parser() -> None:
    page = subprocess.run(
        [sys.executable, "packaging/manpage.py"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    # Where argparse wraps the lines differs between versions of Python.
    assert PAGE.read_text().split() == page.split(), (
        "the command line changed: run 'python packaging/manpage.py >packaging/man/mdevview.1'"
    )


def test_man_page_explains_every_key_of_a_simulated_device() -> None:
    assert [line[3:-1] for line in PAGE.read_text().splitlines() if line.startswith(".B ") and line.endswith("=")] == [
        *_PARSERS
    ]


def test_no_command_means_view() -> None:
    assert parse([]).target == Default()
    assert parse(["-v"]).verbose == 1
    assert parse(["-v", "view", "-v", "-v"]).verbose == 2
    assert parse(["-vvv", "list"]).command == "list"
    for arguments in (["sim:mdpy", "--fullscreen"], ["--fullscreen", "sim:mdpy"], ["-vv", "sim:mdpy", "--fullscreen"]):
        args = parse(arguments)
        assert (args.command, args.target, args.fullscreen) == ("view", Simulated("mdpy"), True)
    assert parse(["83B8"]).target == Named("83b8")
    assert parse(["list"]).command == "list"


def test_every_command_has_its_module() -> None:
    commands = next(each for each in build_parser()._actions if each.dest == "command").choices
    assert commands
    for name in commands:
        assert (REPOSITORY / "ui/cli" / f"{name}.py").is_file()
