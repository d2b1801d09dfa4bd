"""What the command line takes, and the man page that is made from it."""

import subprocess
import sys

import pytest

from app.attach.helper_installation import ACTION, HELPER
from app.open.target import SCHEMES, Default, Named, Simulated
from app.sim.config.spec import _PARSERS
from tests.gate import need_programs
from tests.unit.command import REPOSITORY
from ui.cli.main import main
from ui.cli.parser import build_parser, parse
from ui.window.actions.actions import KEYED

PAGE = REPOSITORY / "packaging/man/mdevview.1"

COMMANDS = next(each for each in build_parser()._actions if each.dest == "command").choices or ()


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
    assert COMMANDS
    for name in COMMANDS:
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


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("lst", "did you mean list?"),
        ("screenshots", "did you mean screenshot?"),
        ("help", "did you mean --help?"),
        ("--fulscreen", "did you mean --fullscreen?"),
        ("mbochs", "did you mean sim:mbochs?"),
        ("vn:win10", "did you mean vm:?"),
        ("view vn:win10", "did you mean vm:?"),
        ("view --scalng fit", "unrecognized arguments: --scalng; did you mean --scaling?"),
        ("view --keep-runing", "see 'mdevview view --help'"),
        ("run --keep-runing -- qemu", "did you mean --keep-running?"),
        ("view --scaling intger", "did you mean integer? choose from fit, integer, actual"),
        ("view --rotate 45", "choose from 0, 90, 180, 270"),
        ("bench --case cache", "did you mean cached?"),
        ("list --jsn", "did you mean --json?"),
        ("screenshot -o - sim:gtv", "did you mean 'gvt'?"),
        ("screenshot -o - sim:gvt,fomat=YUYV", "did you mean 'format'?"),
        ("screenshot -o - sim:mbochs,module=mboch", "did you mean 'mbochs'?"),
        ("screenshot -o - sim:gvt,fault=hostle", "did you mean 'hostile'?"),
    ],
)
def test_mistyped_word_gets_a_proposal_in_one_line(
    command: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command.split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_word_that_is_like_no_other_gets_no_proposal(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["qwertz"], ["view", "--qwertz"], ["view", "--scaling", "qwertz"]):
        assert main(command) == 2
        assert "did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_fits_80_columns(
    command: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["--help"] if command is None else [command, "--help"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert len(text.partition("\n\n")[0].splitlines()) == 1, "the usage is one line"


def test_help_shows_what_is_used_every_day_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", "--help"]) == 0
    text = capsys.readouterr().out
    places = [text.index(f"  {each} ") for each in ("TARGET", "--wait", "--fullscreen", "--scaling", "--gpu", "--poll")]
    places.append(text.index("  -h, --help"))
    assert places == sorted(places)
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert text.index("  view ") < text.index("  doctor ") < text.index("  bench ") < text.index("--print-completion")


@pytest.mark.parametrize("reader", [["groff", "-man", "-ww", "-z"], ["mandoc", "-T", "lint", "-W", "error"]])
def test_readers_of_man_pages_find_no_fault(reader: list[str]) -> None:
    need_programs(reader[0])
    done = subprocess.run([*reader, PAGE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_man_page_names_every_target_key_and_place() -> None:
    text = PAGE.read_text().replace("\\-", "-")
    for scheme in SCHEMES:
        assert f"\n.B {scheme}:" in text
    for action in KEYED:
        for key in action.shortcuts:
            assert key in text
    for heading in ("WINDOW KEYS", "FILES", "ENVIRONMENT", "REPORTING BUGS", "EXIT STATUS"):
        assert f"\n.SH {heading}\n" in text
    for name in ("window.ini", "keys.ini", "import-trials.json", "mdevview-fetches-", str(HELPER), str(ACTION)):
        assert name in text
