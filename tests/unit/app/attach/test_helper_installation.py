"""The installed helper: which program starts it, and that nothing is run that others could have changed."""

import os
import stat
from pathlib import Path

import pytest

from app.attach.helper_fds import HelperMethod
from app.attach.helper_installation import HelperInstallation, PasswordPrompts, how_to_install, trust_problem
from app.attach.helper_request import request_fds
from app.errors import PermissionDenied
from tests.unit.app.attach.installed_helper import SEES_DIALOGS, SEES_NOTHING, SEES_PROMPTS, Make


@pytest.mark.parametrize(
    ("terminal", "lacks", "program"),
    [
        (PasswordPrompts(terminal=True, desktop=True), "", "pkexec"),
        (PasswordPrompts(terminal=True, desktop=True), "action.policy", "sudo"),
        (PasswordPrompts(terminal=True, desktop=True), "bin/pkexec", "sudo"),
        (SEES_PROMPTS, "", "sudo"),
        (SEES_DIALOGS, "bin/sudo", "pkexec"),
        (SEES_DIALOGS, "bin/pkexec", None),
        (SEES_PROMPTS, "bin/sudo", None),
        (SEES_NOTHING, "", None),
    ],
)
def test_asks_where_it_will_be_seen(
    make: Make, tmp_path: Path, terminal: PasswordPrompts, lacks: str, program: str | None
) -> None:
    tell = "answer({'refused': os.environ['BY']})"
    setup = make(
        tell,
        terminal,
        pkexec='BY=pkexec exec "$@"',
        sudo='while [ "$1" != -- ]; do shift; done; shift; BY=sudo exec "$@"',
    )
    if lacks:
        (tmp_path / lacks).unlink()
    with pytest.raises(PermissionDenied) as caught:
        request_fds(4711, installation=setup)
    assert caught.value.message.endswith(program or "prompt") or (
        program is None and "no way to ask" in caught.value.message
    )


def test_nothing_is_run_as_root_nor_against_the_users_word(make: Make, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    for way, uid in ((HelperMethod.NEVER, 1000), (HelperMethod.AUTO, 0), (HelperMethod.SUDO, 0)):
        with pytest.raises(PermissionDenied):
            request_fds(4711, None, way, make(f"open({str(mark)!r}, 'w')", uid=uid))
    assert not mark.exists()


def test_helper_that_others_could_have_changed_is_not_run(make: Make, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    setup = make(f"open({str(mark)!r}, 'w')")
    helper = setup.helper
    other = HelperInstallation(helper, setup.action, setup.folders, os.getuid() + 1, setup.uid, setup.prompts)
    if os.getuid() != 0:
        with pytest.raises(PermissionDenied, match="belongs to user"):
            request_fds(4711, installation=other)
    helper.chmod(0o775)
    with pytest.raises(PermissionDenied, match="others than root can write"):
        request_fds(4711, installation=setup)
    helper.chmod(0o755)
    tmp_path.chmod(0o777)
    with pytest.raises(PermissionDenied, match="others than root can write"):
        request_fds(4711, installation=setup)
    tmp_path.chmod(0o755)
    helper.chmod(0o644)
    with pytest.raises(PermissionDenied, match="cannot be run"):
        request_fds(4711, installation=setup)
    real = helper.rename(tmp_path / "real")
    real.chmod(0o755)
    helper.symlink_to(real)
    with pytest.raises(PermissionDenied, match="no regular file"):
        request_fds(4711, installation=setup)
    helper.unlink()
    with pytest.raises(PermissionDenied, match=r"not installed; install it: sudo sh packaging/helper\.sh"):
        request_fds(4711, installation=setup)
    assert not mark.exists()


def test_file_of_another_user_is_at_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "helper"
    file.touch(0o755)
    assert trust_problem(file, os.getuid()) is None
    real = Path.stat

    def of_somebody(path: Path, **options: bool) -> os.stat_result:
        info = real(path, **options)
        return os.stat_result((*info[: stat.ST_UID], 4242, *info[stat.ST_UID + 1 :])) if path == tmp_path else info

    monkeypatch.setattr(Path, "stat", of_somebody)
    assert trust_problem(file, os.getuid()) == f"{tmp_path} belongs to user 4242, not to root"


def test_folder_above_the_target_of_a_link_is_at_fault(tmp_path: Path) -> None:
    """Who can write to it can put another folder in the place of the target."""
    (tmp_path / "open/libexec").mkdir(parents=True)
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "libexec").symlink_to(tmp_path / "open/libexec")
    (tmp_path / "open/libexec/helper").touch(0o755)
    fault = trust_problem(tmp_path / "libexec/helper", os.getuid())
    assert fault == f"others than root can write to {tmp_path / 'open'} (mode 0777)"


def test_remedy_names_what_this_installation_has() -> None:
    """The user of a package has no checkout to run a script of."""
    checkout = Path(__file__).parents[4]
    assert how_to_install(checkout) == "sudo sh packaging/helper.sh install"
    assert how_to_install(checkout, xen=True) == "sudo sh packaging/helper.sh install xen"
    assert how_to_install(Path("/usr/lib/mdevview/mdevview")).startswith("sudo apt install --reinstall")
    assert "in the checkout" in how_to_install(Path("/home/user/.local/share/mdevview/venv"))
