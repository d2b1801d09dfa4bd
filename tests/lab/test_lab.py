"""The lab without a boot: which kernel is complete, and which run is valid."""

import json
from pathlib import Path

import pytest

from tests.lab import edits, gate, kernel, report, vm


def _install(root: Path, version: str, *, source: str | None = None, headers: bool = True) -> None:
    modules = root / "lib/modules" / version
    (modules / "kernel/drivers/vfio/mdev").mkdir(parents=True)
    (modules / "kernel/drivers/vfio/mdev/mdev.ko.xz").touch()
    for folder in ("boot", "usr/src"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / f"boot/vmlinuz-{version}").touch()
    if headers:
        (modules / "build").mkdir()
        (modules / "build/Makefile").touch()
    if source:
        (root / f"usr/src/linux-source-{source}.tar.xz").touch()


@pytest.fixture(autouse=True)
def x86(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


def test_newest_complete_kernel_is_taken(tmp_path: Path) -> None:
    _install(tmp_path, "6.12.9-amd64", source="6.12")
    _install(tmp_path, "6.12.10-amd64", source="6.12")
    _install(tmp_path, "6.19.1-amd64")
    assert kernel.find(root=tmp_path).version == "6.12.10-amd64"
    assert kernel.find("6.12.9-amd64", tmp_path).source == tmp_path / "usr/src/linux-source-6.12.tar.xz"


def test_missing_part_is_named_with_its_package(tmp_path: Path) -> None:
    with pytest.raises(gate.MissingError, match="linux-image-amd64"):
        kernel.find(root=tmp_path)
    _install(tmp_path, "6.12.9-amd64", source="6.12", headers=False)
    with pytest.raises(gate.MissingError, match="linux-headers-amd64"):
        kernel.find(root=tmp_path)
    (tmp_path / "lib/modules/6.12.9-amd64/build").mkdir()
    (tmp_path / "lib/modules/6.12.9-amd64/build/Makefile").touch()
    (tmp_path / "usr/src/linux-source-6.12.tar.xz").unlink()
    with pytest.raises(gate.MissingError, match=r"linux-source-6\.12"):
        kernel.find(root=tmp_path)


def test_unknown_driver_source_is_refused() -> None:
    with pytest.raises(edits.EditError, match="0 times"):
        edits.apply("int main;")


@pytest.mark.parametrize(
    ("lab", "ci", "forbidden", "required"),
    [(None, None, False, False), (None, "true", False, True), ("0", "true", True, False), ("1", None, False, True)],
)
def test_gate(
    monkeypatch: pytest.MonkeyPatch, lab: str | None, ci: str | None, forbidden: bool, required: bool
) -> None:
    for name, value in (("MDEVVIEW_LAB", lab), ("CI", ci)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert (gate.forbidden(), gate.required()) == (forbidden, required)


def _leave(folder: Path, *records: dict[str, object]) -> report.Results:
    (folder / "reached").write_text("19.0\n")
    (folder / report.RESULTS).write_text("".join(json.dumps(record) + "\n" for record in records))
    return report.read(folder)


def _test(outcome: str) -> dict[str, object]:
    return {"test": "a", "outcome": outcome, "seconds": 1.0, "text": ""}


def test_a_whole_run_is_counted(tmp_path: Path) -> None:
    results = _leave(
        tmp_path, {"start": "a"}, _test("passed"), {"start": "b"}, _test("failed"), {"fact": "f", "value": "v"}
    )
    assert results.summary() == "1 passed, 1 failed, 0 skipped"
    assert report.trouble(tmp_path, vm.Ended(1, 60.0, False), results) is None
    assert "f: v" in report.write(tmp_path, [], results).read_text()


def test_a_hang_names_its_test(tmp_path: Path) -> None:
    results = _leave(tmp_path, {"start": "a"}, _test("passed"), {"start": "b"})
    assert "b did not end within 900 s" in str(report.trouble(tmp_path, vm.Ended(None, 900.0, True), results))


@pytest.mark.parametrize("status", [None, 1, 2, 5, 92])
def test_a_run_without_tests_is_no_success(tmp_path: Path, status: int | None) -> None:
    assert report.trouble(tmp_path, vm.Ended(status, 60.0, False), _leave(tmp_path))
