"""Shell completion, tried in the shells themselves on a host with VMs (tests/unit/known_hosts/proxmox.py)."""

import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.gate import need_programs
from tests.unit.command import REPOSITORY, run

# What each shell offers at the end of a line: whole words, in any order.
OFFERED = {
    "mdevview scr": {"screenshot"},
    "mdevview vm:10": {"vm:105", "vm:106", "vm:107", "vm:108"},
    "mdevview inspect --json vm:w": {"vm:win11"},
    "mdevview view sim:gvt,fps=1,mod": {"sim:gvt,fps=1,modifier="},
    "mdevview overview sim:gvt,fault=off+hos": {"sim:gvt,fault=off+hostile"},
    "mdevview view sim:gvt --scaling ": {"fit", "integer", "actual"},
    "mdevview view --keep": set(),
    "mdevview run --keep": {"--keep-running"},
    "mdevview run --keep-running -- program-of-a-v": {"program-of-a-vm"},
}
# Files end differently: fish adds the slash of a folder, zsh offers names without their folder.
FILES = ("mdevview view --qmp {}/so", "mdevview run -- program-of-a-vm {}/so", "mdevview measure --json {}/so")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Has the programs that the shells find, and a socket's name."""
    folder = tmp_path_factory.mktemp("completion")
    program = folder / "mdevview"
    python = shlex.join([sys.executable, "-m", "tests.unit.known_hosts", "proxmox"])
    program.write_text(f'#!/bin/sh\ncd {REPOSITORY} && exec {python} "$@"\n')
    (folder / "program-of-a-vm").write_text("#!/bin/sh\n")
    for each in (program, folder / "program-of-a-vm"):
        each.chmod(0o755)
    (folder / "socket").touch()
    # The programs are in the PATH, and not in the current folder.
    (folder / "here").mkdir()
    return folder


def _script(shell: str, folder: Path) -> Path:
    done = run("--print-completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    file = folder / f"_mdevview.{shell}"
    file.write_text(done.stdout)
    return file


def _environment(folder: Path, **more: str) -> dict[str, str]:
    return {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder), "TERM": "dumb", "LANG": "C.UTF-8", **more}


def _run(program: Sequence[str], folder: Path) -> list[set[str]]:
    """The lines of output between lines that have only ``==``."""
    done = subprocess.run(
        program, capture_output=True, text=True, check=True, cwd=folder / "here", env=_environment(folder), timeout=120
    )
    assert done.stderr == ""
    return [set(each.split("\n")) - {""} for each in done.stdout.split("==\n")[:-1]]


def _bash(lines: Sequence[str], folder: Path) -> list[set[str]]:
    script = f". {_script('bash', folder)}\n" + "".join(
        f"COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)}\n_mdevview\nprintf '%s\\n' \"${{COMPREPLY[@]}}\" ==\n"
        for line in lines
    )
    # Readline replaces what follows the last colon or equals sign.
    offered = _run(["bash", "-c", script], folder)
    kept = [word[: max(word.rfind(":"), word.rfind("=")) + 1] for word in (line.split(" ")[-1] for line in lines)]
    return [{start + each for each in found} for start, found in zip(kept, offered, strict=True)]


def _fish(lines: Sequence[str], folder: Path) -> list[set[str]]:
    script = f"source {_script('fish', folder)}\n" + "".join(
        f"complete -C {shlex.quote(line)}\necho ==\n" for line in lines
    )
    # A tab and a description follow each.
    return [
        {each.partition("\t")[0] for each in found} for found in _run(["fish", "--no-config", "-c", script], folder)
    ]


def _zsh(lines: Sequence[str], folder: Path) -> list[set[str]]:
    """zsh completes only while a line is edited, so in a terminal. ``compadd`` gets every candidate."""
    _script("zsh", folder).rename(folder / "_mdevview")
    (folder / ".zshrc").write_text(f"""
fpath=({folder} $fpath)
autoload -Uz compinit && compinit -u -D
compadd() {{
  local -a found
  [[ $* == *-[OAD]* ]] || {{ builtin compadd -O found "$@"; print -rl -- $found >>{folder}/offered }}
  builtin compadd "$@"
}}
try() {{
  for line in {shlex.join(lines)}; do BUFFER=$line CURSOR=$#line; zle list-choices; print '==' >>{folder}/offered; done
  exit
}}
zle -C list-choices list-choices _main_complete
zle -N zle-line-init try
""")
    terminal, side = pty.openpty()
    with subprocess.Popen(
        ["zsh", "-i"],
        stdin=side,
        stdout=side,
        stderr=side,
        cwd=folder / "here",
        env=_environment(folder, ZDOTDIR=str(folder)),
        start_new_session=True,
    ) as shell:
        try:
            os.close(side)
            # The terminal's end is EIO.
            while os.read(terminal, 4096):
                continue
        except OSError:
            pass
        finally:
            os.close(terminal)
        assert shell.wait(60) == 0
    return [set(each.split("\n")) - {""} for each in (folder / "offered").read_text().split("==\n")[:-1]]


SHELLS = {"bash": _bash, "zsh": _zsh, "fish": _fish}


@pytest.mark.parametrize("shell", SHELLS)
def test_shell_completes_commands_options_targets_files_and_programs(shell: str, folder: Path) -> None:
    need_programs(shell)
    lines = [*OFFERED, *(each.format(folder) for each in FILES)]
    *offered, qmp, argument, document = SHELLS[shell](lines, folder)
    assert dict(zip(OFFERED, offered, strict=True)) == OFFERED
    for each in (qmp, argument, document):
        assert {Path(found).name for found in each} == {"socket"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_each_shell_has_a_script(shell: str) -> None:
    done = run("--print-completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert "screenshot" in done.stdout
