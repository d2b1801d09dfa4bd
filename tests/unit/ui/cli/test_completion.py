"""Shell completion, tried in the shell where there is one."""

import subprocess

import pytest

from tests.gate import need_programs
from tests.unit.command import run
from tests.unit.hosts import UUID_A, UUID_B

TARGETS = f"{UUID_A}\n{UUID_B}\nvm:105\nvm:win11"


def _bash(line: str) -> list[str]:
    """What bash offers at the end of `line`, on a host with two vGPUs."""
    script = run("--print-completion", "bash").stdout
    asked = f"""
mdevview() {{ [ "$*" = "list --targets" ] && echo '{TARGETS}'; }}
COMP_LINE='{line}' COMP_POINT={len(line)}
_mdevview
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", script + asked], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("mdevview scr", ["screenshot"]),
        ("mdevview view 83", [UUID_A, UUID_B]),
        (f"mdevview inspect --json {UUID_B}", [UUID_B]),
        ("mdevview view vm:1", ["105"]),
        ("mdevview view sim:m", ["mbochs", "mdpy"]),
        ("mdevview view sim:gvt --scaling ", ["fit", "integer", "actual"]),
    ],
)
def test_bash_completes_commands_choices_and_vgpus(line: str, offered: list[str]) -> None:
    need_programs("bash")
    assert _bash(line) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_each_shell_has_a_script(shell: str) -> None:
    done = run("--print-completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert "screenshot" in done.stdout


def test_zsh_accepts_its_script() -> None:
    need_programs("zsh")
    script = run("--print-completion", "zsh").stdout
    done = subprocess.run(["zsh", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
