"""What the command line takes, and the man page that is made from it."""

import subprocess
import sys

import pytest

from app.open.target import Default, Named, Simulated
from app.sim.config.spec import _PARSERS
from tests.unit.command import REPOSITORY
from ui.cli.main import main
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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--region 1,2,3,4", "--region needs --input"),
        ("--count 3", "--count needs --input"),
        ("--input-timeout 3", "--input-timeout needs --input"),
        ("--qmp /socket", "--qmp needs --input"),
        ("--input esc --duration 3", "--duration does not go with --input"),
        ("--input esc --poll 30", "--poll does not go with --input"),
        ("--input escape", "did you mean esc"),
        ("--input a,b,c", "3 keys are more than 2"),
        ("--input a, ", "is no key"),
        ("--input a --region 1,2,0,4", "is not of the form"),
        ("--input a --region -1,2,3,4", "expected one argument"),
        ("--input a --count 0", "is no number"),
    ],
)
def test_options_of_a_measured_input_that_make_no_sense_are_refused(
    arguments: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["measure", "sim:gvt", *arguments.split(" ")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("measure --duration nan", "is no number of seconds"),
        ("measure --duration 1e300", "is no number of seconds"),
        ("measure --timeout 1e10", "is no number of seconds"),
        ("bench --seconds inf", "is no number of seconds"),
        ("measure --json a --csv ./a", "--json and --csv name the same file"),
        ("measure --observe pid:1 --own-json b/../a --json a", "--json and --own-json name the same file"),
        ("measure --json - --csv /dev/stdout", "only one of"),
        ("compare a b --json --plot -", "only one of"),
    ],
)
def test_values_that_would_fail_later_are_refused(command: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command.split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
