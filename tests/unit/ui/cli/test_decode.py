"""``mdevview decode``: values of every kind, and those that are none."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from tests.unit.app.edid.samples import SCREEN, WITH_CTA, xrandr
from ui.cli.main import main


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kinds(capsys: pytest.CaptureFixture[str], *values: str) -> list[str]:
    main(["decode", "--json", *values])
    return [each["kind"] for each in json.loads(capsys.readouterr().out)["values"]]


def test_numbers_and_names_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    values = ["0x34325258", "0", "0x0100000000000001", "XR24", "C8", "NV12", "UIF", "LINEAR", "zzzz", "0xb4325258"]
    fourcc, modifier = "fourcc", "modifier"
    assert kinds(capsys, *values) == [
        fourcc,
        modifier,
        modifier,
        fourcc,
        fourcc,
        fourcc,
        modifier,
        modifier,
        fourcc,
        fourcc,
    ]


def test_a_bad_value_is_one_line_and_the_others_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", "XR24", "nonsense", "/nowhere/edid", "X_TILED"]) == 2
    output = capsys.readouterr()
    assert "XRGB8888, a pixel format" in output.out and "INTEL_X_TILED  0x0100000000000001" in output.out
    first, second = output.err.splitlines()
    assert first.startswith("mdevview: 'nonsense': no modifier, no format and no file has this name; a VALUE is")
    assert second.startswith("mdevview: /nowhere/edid: No such file or directory; give a file with an EDID")


def test_json_has_an_entry_for_every_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", "--json", "nonsense", "X_TILED"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["version"] == 1
    bad, good = document["values"]
    assert (bad["value"], bad["kind"], bool(bad["message"])) == ("nonsense", "error", True)
    assert (good["modifier"], good["modifier_name"]) == (0x0100_0000_0000_0001, "INTEL_X_TILED")


@pytest.mark.parametrize("value", ["", "0x10000000000000000", "\x1b[2J", "TILED", "x" * 100_000, "a\0b", "."])
def test_any_other_word_is_refused(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", value]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and len(error) < 400 and error.strip().isprintable()


def test_an_edid_is_read_from_a_file_and_from_standard_input(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "edid").write_bytes(SCREEN)
    (folder / "screens.txt").write_text(xrandr(SCREEN, WITH_CTA))
    assert main(["decode", "edid", "./screens.txt"]) == 0
    output = capsys.readouterr().out
    assert output.count("EDID 1.4 of SAM 0x1234, 'Wide?Screen'") == 2
    assert output.count("EDID 1.4 of MVW 0x0001, 'mdevview'") == 1
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SCREEN.hex().encode())))
    assert kinds(capsys, "-") == ["edid"]


def test_a_file_with_the_name_of_a_format_needs_its_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "C8").write_bytes(SCREEN)
    assert main(["decode", "C8"]) == 0
    assert "note:      the name of a fourcc; for the file of this name give ./C8" in capsys.readouterr().out
    assert kinds(capsys, "./C8") == ["edid"]


def test_a_device_that_never_ends_is_read_to_a_limit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", "/dev/zero"]) == 2
    assert "more than 1048576 bytes" in capsys.readouterr().err


def test_nothing_heavy_is_imported() -> None:
    program = (
        "import sys\nfrom ui.cli.main import main\nstatus = main(['decode', 'XR24', 'X_TILED', sys.argv[1]])\n"
        "heavy = {'numpy', 'PyQt6', 'OpenGL', 'mcap'} & {each.partition('.')[0] for each in sys.modules}\n"
        "sys.exit(f'{heavy}' if heavy or status else 0)\n"
    )
    Path("edid").write_bytes(SCREEN)
    root = Path(__file__).parents[4]
    pid = os.spawnve(
        os.P_WAIT,
        sys.executable,
        [sys.executable, "-c", program, "./edid"],
        {**os.environ, "PYTHONPATH": str(root)},
    )
    assert pid == 0
