"""``mdevview doctor``: what this host lacks to show a vGPU, each with its remedy."""

import argparse
import ctypes
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.host.dbus_findings import dbus_findings
from app.diagnosis.host.host_findings import host_findings
from app.diagnosis.host.window_findings import platform_finding, qt_platform, session_findings, toolkit_findings
from app.diagnosis.report.finding_document import doctor_document
from app.diagnosis.report.host_report import HostReport
from app.diagnosis.report.private_names import private_names
from app.diagnosis.report.private_text import PrivateNames
from app.diagnosis.report.report import report_text
from app.diagnosis.report.verdict import has_failed, ranked, verdict, vgpus_first
from app.host.child_checks import CheckEnd, ChildChecks
from app.host.drivers import KnownDisplay, known_display
from app.host.gpu import exporting_gpus, render_nodes
from app.host.scan import HostScan
from app.host.screens import HostScreens
from app.host.versions import installed_versions, qemu_version
from app.host.vgpu import Vgpu
from app.open.host_screens import find_screens
from gl.display_check import display_findings, start_display_checks
from ui.cli.output import printable, write_output

_SYMBOLS = {Severity.OK: "✓", Severity.INFO: "·", Severity.WARNING: "!", Severity.ERROR: "✗"}
_ASCII_SYMBOLS = {Severity.OK: "+", Severity.INFO: "-", Severity.WARNING: "!", Severity.ERROR: "x"}
_INDENT = "    "
# For all checks in processes of their own together. They take half a second on an idle machine.
_LIMIT_S = 15.0
_QT, _QEMU = "qt", "qemu"
_QT_COMMAND = (sys.executable, "-P", "-m", "ui.cli.qt_check_child")


def run(args: argparse.Namespace) -> int:
    screens, findings, sentence, versions = _examine()
    if args.json:
        write_output(json.dumps(doctor_document(findings, sentence, versions), indent=2))
    elif args.report:
        write_output(report_text(findings, sentence, versions, _private_names(screens)))
    else:
        write_output("\n".join([*lines(findings, _symbols()), _versions_line(versions), "", printable(sentence)]))
    return 1 if has_failed(findings) else 0


def host_report() -> HostReport:
    """The same for a window. Takes seconds, and may be called on any thread. Raises OSError and MdevviewError."""
    screens, findings, sentence, versions = _examine()
    text = report_text(findings, sentence, versions, _private_names(screens))
    return HostReport(sentence, tuple(vgpus_first(findings)), text)


def _private_names(screens: HostScreens) -> PrivateNames:
    return private_names(screens.vgpus, displays=screens.displays, guests=screens.guests)


def _examine() -> tuple[HostScreens, list[Finding], str, dict[str, str]]:
    """The screens, the ranked findings, the verdict and the versions."""
    scan = HostScan.take()
    screens = find_screens(scan)
    vgpus = screens.vgpus
    with ChildChecks() as checks:
        _start(checks, vgpus)
        host = [*host_findings(vgpus), *dbus_findings(scan)]
        ends = checks.finish(_LIMIT_S)
    findings = ranked([*host, *display_findings(ends), *_window_findings(ends)])
    with_display = sum(known_display(each) is not KnownDisplay.NONE for each in vgpus)
    closed = sum(each.key == "dbus-display" and each.severity is Severity.WARNING for each in findings)
    sentence = verdict(findings, with_display, len(screens.displays) - closed)
    return screens, findings, sentence, _versions(ends)


def _start(checks: ChildChecks, vgpus: Sequence[Vgpu]) -> None:
    start_display_checks(checks, [str(each.node) for each in render_nodes()], exporting_gpus(vgpus))
    checks.start(_QT, [*_QT_COMMAND, qt_platform(os.environ), str(os.getpid())])
    if (qemu := shutil.which("qemu-system-x86_64")) is not None:
        checks.start(_QEMU, [qemu, "--version"])


def _window_findings(ends: Mapping[str, CheckEnd]) -> Iterator[Finding]:
    yield from session_findings(os.environ, ctypes.CDLL)
    yield from toolkit_findings(lambda name: importlib.util.find_spec(name) is not None)
    end = ends.get(_QT, CheckEnd(fault="it was not started"))
    finding = platform_finding(qt_platform(os.environ), _qt_document(end), end.fault)
    if finding is not None:
        yield finding


def _qt_document(end: CheckEnd) -> dict[str, object] | None:
    try:
        document = json.loads(end.output)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _versions(ends: Mapping[str, CheckEnd]) -> dict[str, str]:
    versions = installed_versions()
    qt = (_qt_document(ends[_QT]) or {}).get("qt") if _QT in ends else None
    if isinstance(qt, str):
        versions["Qt"] = qt
    if _QEMU in ends and (qemu := qemu_version(ends[_QEMU].output)) is not None:
        versions["QEMU"] = qemu
    return versions


def _versions_line(versions: Mapping[str, str]) -> str:
    return printable("versions: " + ", ".join(f"{name} {version}" for name, version in versions.items()))


def lines(findings: list[Finding], symbols: dict[Severity, str]) -> Iterator[str]:
    """A line for each finding, and below it a line for its remedy."""
    for each in findings:
        evidence = f" ({each.evidence})" if each.evidence else ""
        yield f"{symbols[each.severity]} {printable(each.message + evidence)}"
        if each.remedy:
            yield _INDENT + printable(each.remedy)


def _symbols() -> dict[Severity, str]:
    try:
        "".join(_SYMBOLS.values()).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return _ASCII_SYMBOLS
    return _SYMBOLS
