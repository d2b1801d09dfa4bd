"""What a user of each kind of installation is told to do about a missing Python package."""

import sys

import pytest

from app.host.python_packages import install_remedy


def test_in_an_environment_its_own_python_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", "/home/someone/.local/share/mdevview/venv")
    monkeypatch.setattr(sys, "executable", "/home/someone/.local/share/mdevview/venv/bin/python")
    remedy = install_remedy("matplotlib", "python3-matplotlib")
    assert "/home/someone/.local/share/mdevview/venv/bin/python -m pip install matplotlib" in remedy


def test_the_python_of_the_system_gets_the_package_of_the_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    remedy = install_remedy("matplotlib", "python3-matplotlib")
    assert "Debian: python3-matplotlib" in remedy
    assert "pip" not in remedy
