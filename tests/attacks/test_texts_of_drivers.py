"""What drivers write into sysfs is shown as short lines of visible characters, and no number there ends a command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import NoSuchDevice
from app.host.larger_type import sized_type
from app.host.mdev import choose_type, mdev_types
from tests.attacks.programs.texts_of_drivers import TEXTS
from tests.attacks.test_names import assert_harmless
from tests.unit.command import REPOSITORY
from tests.unit.hosts import Host

# Doctor's lines have several texts; a table's line has one name and one type.
_LONGEST = 1500


def test_commands_show_hostile_texts_of_drivers() -> None:
    command = [sys.executable, "-m", "tests.attacks.programs.texts_of_drivers"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    document = json.loads(done.stdout)
    assert {each[0] for each in document} == TEXTS.keys()
    for kind, arguments, status, out, err in document:
        case = f"{kind}, {arguments}: status {status}, {err}"
        assert status == 0 and not err, case
        assert len(out) < 60_000, case
        for line in out.split("\n"):
            assert_harmless(line, _LONGEST)
        if "--json" in arguments:
            json.loads(out)
        if "--targets" in arguments:
            assert all(each.isascii() and " " not in each for each in out.split("\n")), case
        if arguments == ["list"]:
            assert len(out.splitlines()) == 4, out


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_types_of_mdevs_that_a_user_names_wrongly(tmp_path: Path, text: str) -> None:
    host = Host(tmp_path)
    host.mdev_type("0000:00:02.0", "i915-GVTg_V5_4", text, text)
    (known,) = mdev_types(host.paths)
    assert known.left is None
    with pytest.raises(NoSuchDevice) as refused:
        choose_type("nothing", None, [known])
    assert_harmless(str(refused.value), _LONGEST)
    sized = sized_type(known, f"resolution: {text}x{text} {text}")
    assert sized is None
