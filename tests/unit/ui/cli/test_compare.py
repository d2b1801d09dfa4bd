"""The command `compare`, as a user and as a CI job runs it."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.unit.app.measure.run_documents import latencies, stage_document, write
from tests.unit.command import run
from ui.cli.main import main

_A = stage_document(latencies(1))
_SLOWER = stage_document([each + 4 for each in latencies(2)])


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("a.json"), {"flip_to_submit": _A})
    write(Path("b.json"), {"flip_to_submit": _SLOWER})
    write(Path("empty.json"), {})


def test_a_run_and_itself(files: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "a.json", "a.json", "--fail-if", "p99>+0%"]) == 0
    printed = capsys.readouterr()
    assert "no difference" in printed.out
    assert printed.err == ""


def test_a_slower_run_fails_with_a_line_that_says_which_condition(
    files: None, capsys: pytest.CaptureFixture[str]
) -> None:
    conditions = ["--fail-if", "p99>+10%", "--fail-if", "p50>+2ms", "--fail-if", "p50>+9s"]
    assert main(["compare", "a.json", "b.json", *conditions]) == 1
    printed = capsys.readouterr()
    assert "a real difference" in printed.out
    first, second = printed.err.splitlines()
    assert first.startswith("mdevview: --fail-if p99>+10%: B fails: flip_to_submit p99 +")
    assert second.startswith("mdevview: --fail-if p50>+2ms: B fails: flip_to_submit p50 +")
    assert main(["compare", "b.json", "a.json", "--fail-if", "p99>+10%"]) == 0


def test_what_cannot_be_checked_is_no_success(files: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "a.json", "a.json", "--fail-if", "gpu.p50>+10%"]) == 1
    assert "fails, as this cannot be checked: the runs do not both have gpu" in capsys.readouterr().err


def test_json(files: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--json", "a.json", "b.json", "--fail-if", "p99>+10%"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["version"], document["kind"]) == (1, "compare")
    assert document["checks"][0]["outcome"] == "failed"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["a.json", "missing.json"], 1, "mdevview: missing.json: No such file or directory"),
        (["a.json", "a.json", "b.png"], 1, "mdevview: b.png: is no text in UTF-8; give files that"),
        (["a.json", "empty.json"], 1, "mdevview: empty.json: has no figures, as no frame was measured"),
        (["a.json"], 2, "the following arguments are required: B.json"),
        (["a.json", "b.json", "--fail-if", "p98>+1%"], 2, "'p98' is none of p50, p90, p95, p99, p99.9 and max"),
        (["a.json", "b.json", "--plot", "a.jpg"], 2, "'a.jpg' ends neither with .png nor with .svg"),
        (["a.json"] * 27, 2, "27 runs are too many; give at most 26"),
    ],
)
def test_errors(
    arguments: list[str], status: int, message: str, files: None, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("b.png").write_bytes(b"\x89PNG")
    assert main(["compare", *arguments]) == status
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""


def test_a_name_in_a_file_does_nothing_to_the_terminal(files: None, capsys: pytest.CaptureFixture[str]) -> None:
    write(Path("c.json"), {"flip_to_submit": _A}, target="\x1b[2J\u202e", meta_driver="\x1b]0;x\x07\n")
    assert main(["compare", "a.json", "c.json"]) == 0
    assert all(each.isprintable() for each in capsys.readouterr().out.splitlines())


def test_without_matplotlib_a_plot_says_how_to_get_it(files: None) -> None:
    Path("matplotlib.py").write_text("raise ImportError")
    paths = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    here = str(Path.cwd())
    done = run("compare", f"{here}/a.json", f"{here}/b.json", "--plot", f"{here}/x.png", PYTHONPATH=paths)
    assert done.returncode == 1
    assert done.stderr == (
        "mdevview: --plot needs matplotlib, which is not installed; install it with: "
        f"{sys.executable} -m pip install matplotlib\n"
    )
    assert not Path("x.png").exists()


def test_a_plot_needs_no_home_and_says_nothing(files: None, tmp_path: Path) -> None:
    """As in a CI job: no display, and no folder to write to but that of the picture."""
    here = str(tmp_path)
    done = run(
        "compare",
        f"{here}/a.json",
        f"{here}/b.json",
        "--plot",
        f"{here}/x.png",
        HOME="/proc",
        XDG_CONFIG_HOME="/proc/x",
        XDG_CACHE_HOME="/proc/x",
        DISPLAY="",
        WAYLAND_DISPLAY="",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert Path("x.png").read_bytes().startswith(b"\x89PNG")
    assert "a real difference" in done.stdout
