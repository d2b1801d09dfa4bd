"""What is installed is what was locked, and root runs nothing that a user can change."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution
from itertools import pairwise
from pathlib import Path

import pip
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("run", "build", "dev")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = ("x86_64", "aarch64")

_PIN = re.compile(r"([a-z0-9-]+)==([0-9a-z.+]+)( ; [^\\]+)? \\")
_HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def _lock_text(name: str) -> str:
    return (ROOT / f"packaging/lock/{name}.txt").read_text()


def _pins(name: str) -> list[Requirement]:
    lines = [line.removesuffix(" \\") for line in _lock_text(name).splitlines() if _PIN.fullmatch(line)]
    return [Requirement(line) for line in lines]


def _pin(lock: str, name: str) -> SpecifierSet:
    return next(pin.specifier for pin in _pins(lock) if pin.name == name)


def _environments() -> list[dict[str, str]]:
    here: dict[str, str] = {key: str(value) for key, value in default_environment().items()}
    changes = [
        {"python_version": python, "python_full_version": f"{python}.0", "platform_machine": machine, "extra": ""}
        for python in PYTHONS
        for machine in MACHINES
    ]
    return [here | change for change in changes]


def _wanted(name: str) -> list[str]:
    """What pyproject.toml asks for, for one lock file."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    run: list[str] = pyproject["project"]["dependencies"]
    build: list[str] = pyproject["build-system"]["requires"]
    dev: list[str] = pyproject["dependency-groups"]["dev"]
    return {"run": run, "build": build, "dev": [*run, *build, *dev]}[name]


@pytest.mark.parametrize("name", LOCKS)
def test_each_locked_package_has_hashes_and_no_address(name: str) -> None:
    """An address in the file would override the index that the user trusts; a line without a hash is not checked."""
    first, *lines = _lock_text(name).splitlines()
    assert first.startswith("# Written by: python packaging/lock.py")
    # A backslash means that one more hash of the same package follows.
    for line, following in pairwise([*lines, ""]):
        assert _PIN.fullmatch(line) or _HASH.fullmatch(line), line
        assert bool(_HASH.fullmatch(following)) == line.endswith("\\"), line
    assert not re.search(r"://|@|--(?!hash=)", _lock_text(name))
    assert len(_pins(name)) == sum(bool(_PIN.fullmatch(line)) for line in lines)


@pytest.mark.parametrize("name", LOCKS)
def test_lock_has_every_package_that_a_supported_python_needs(name: str) -> None:
    """Direct dependencies and theirs, in a version that fits: pip would otherwise refuse to install."""
    pins = _pins(name)
    for environment in _environments():
        locked = {
            canonicalize_name(pin.name): pin for pin in pins if not pin.marker or pin.marker.evaluate(environment)
        }
        todo, seen = [Requirement(each) for each in _wanted(name)], set()
        while todo:
            need = todo.pop()
            if need.marker and not need.marker.evaluate(environment):
                continue
            key = canonicalize_name(need.name)
            assert key in locked, f"{need} is not locked for Python {environment['python_version']}"
            version = next(iter(locked[key].specifier)).version
            assert need.specifier.contains(version, prereleases=True), f"{need} is locked as {version}"
            if key not in seen:
                seen.add(key)
                # What another version needs is not known here.
                package = distribution(key)
                todo += [Requirement(each) for each in package.requires or () if package.version == version]


def test_all_lock_files_name_the_same_versions() -> None:
    versions = {name: {(pin.name, str(pin.specifier)) for pin in _pins(name)} for name in LOCKS}
    assert versions["run"] | versions["build"] <= versions["dev"] | {("setuptools", str(_pin("build", "setuptools")))}


# Installing from a lock, with packages made here.


def _wheel(folder: Path, name: str, needs: str = "") -> str:
    """Make a wheel of an empty module. Returns its line in a lock file."""
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n" + (f"Requires-Dist: {needs}\n" if needs else "")
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digest = {
        key: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        for key, text in files.items()
    }
    record = "".join(f"{key},sha256={digest[key].decode()},{len(text)}\n" for key, text in files.items())
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for key, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(key, text)
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


# A build backend that needs no package: it makes a wheel without files.
_BACKEND = """
import zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    info = "project-1.0.dist-info"
    with zipfile.ZipFile(f"{folder}/project-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: project\\nVersion: 1.0\\n")
        tags = "Root-Is-Purelib: true\\nTag: py3-none-any\\n"
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\\nGenerator: test\\n{tags}")
        archive.writestr(f"{info}/RECORD", "")
    return "project-1.0-py3-none-any.whl"
"""


class Checkout:
    """A small project with the real packaging/lib.sh, and an environment for it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.venv, self.wheels = folder / "root", folder / "venv", folder / "wheels"
        (self.root / "packaging/lock").mkdir(parents=True)
        self.wheels.mkdir()
        shutil.copy(ROOT / "packaging/lib.sh", self.root / "packaging")
        (self.root / "backend.py").write_text(_BACKEND)
        (self.root / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
            '[project]\nname = "project"\nversion = "1.0"\n'
        )
        self.lock("build", "")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.venv], check=True)
        self.packages = next(self.venv.glob("lib/python3*/site-packages"))
        # Copying pip takes seconds.
        (self.packages / "pip").symlink_to(Path(pip.__file__).parent)

    def lock(self, name: str, text: str) -> None:
        (self.root / f"packaging/lock/{name}.txt").write_text(text)

    def install(self, before: str = ":") -> subprocess.CompletedProcess[str]:
        script = f'root={self.root} venv={self.venv}; . "$root/packaging/lib.sh"; {before}; install_project run'
        environment = os.environ | {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_CONFIG_FILE": "/dev/null",
        }
        return subprocess.run(
            ["sh", "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def has(self, name: str) -> bool:
        return (self.packages / f"{name}.py").exists()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_locked_package_is_installed_once(checkout: Checkout) -> None:
    line = _wheel(checkout.wheels, "good")
    checkout.lock("run", line)
    # Installed by an older checkout, without a check: pip takes it for the locked one, as the versions are equal.
    (checkout.packages / "good-1.0.dist-info").mkdir()
    (checkout.packages / "good-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: good\nVersion: 1.0\n")
    (checkout.packages / "good-1.0.dist-info/RECORD").write_text("good.py,,\n")
    (checkout.packages / "good.py").write_text("changed = True\n")
    (checkout.venv / "mdevview-run.stamp").write_text("as an older checkout wrote it\n")
    done = checkout.install()
    assert done.returncode == 0, done.stderr
    assert (checkout.packages / "good.py").read_text() == ""
    assert "packaging/lock/run.txt" in done.stderr


def test_complete_environment_needs_neither_pip_nor_network(checkout: Checkout) -> None:
    """Until a lock file or pyproject.toml changes."""
    stub = 'pip_install() { echo "$@"; }'
    for file in ("packaging/lock/run.txt", "packaging/lock/build.txt", "pyproject.toml"):
        with (checkout.root / file).open("a") as opened:
            opened.write("# another\n")
        assert "installing" in checkout.install(stub).stderr, file
        again = checkout.install(stub)
        assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_changed_file_is_refused(checkout: Checkout) -> None:
    checkout.lock("run", _wheel(checkout.wheels, "good").replace("sha256:", "sha256:0")[:-2] + "\n")
    done = checkout.install()
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("mdevview: a file that pip got is not the one that packaging/lock/run.txt names"), (
        done.stderr
    )
    assert not checkout.has("good")
    assert not (checkout.venv / "mdevview-run.stamp").exists(), "the next start would take the environment for complete"


@pytest.mark.parametrize("case", ["dependency", "no hash"])
def test_package_that_nobody_locked_is_refused(checkout: Checkout, case: str) -> None:
    line = _wheel(checkout.wheels, "good", needs="stranger" if case == "dependency" else "")
    _wheel(checkout.wheels, "stranger")
    checkout.lock("run", line if case == "dependency" else line.partition(" ")[0] + "\n")
    done = checkout.install()
    assert done.returncode == 1
    assert "pip could not install packaging/lock/run.txt" in done.stderr.splitlines()[-1]
    assert not checkout.has("stranger") and not checkout.has("good")


# What root runs.


def _shell(script: str, cwd: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["/bin/sh", "-c", f'root=$PWD; . "{ROOT}/packaging/lib.sh"; {script}', "sh", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=30, check=False
    )


def test_root_runs_no_program_of_a_user(tmp_path: Path) -> None:
    """as_root used the PATH of the user and ran in the checkout. ``env`` stands for sudo here, and keeps both."""
    for name in ("sort", "sh", "env"):
        (tmp_path / name).write_text(f'#!/bin/sh\n: >{tmp_path}/attack\nexec /usr/bin/{name} "$@"\n')
        (tmp_path / name).chmod(0o755)
    script = 'sudo=/usr/bin/env; as_root "sort </dev/null >$1 && pwd >$1"'
    done = _shell(script, tmp_path, str(tmp_path / "out"), PATH=f"{tmp_path}:.:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "attack").exists()
    assert (tmp_path / "out").read_text() == "/\n"


@settings(max_examples=15)
@given(st.text(st.characters(codec="ascii", exclude_characters="\0\r"), max_size=60))
def test_text_that_root_writes_is_never_run(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("written")
    script = 'sudo=/usr/bin/env; as_root "$(write_command "$1" "$2")"'
    file = folder / "a 'file"
    done = _shell(script, folder, str(file), text)
    assert done.returncode == 0, done.stderr
    assert file.read_text().rstrip("\n") == text.rstrip("\n")
    assert os.listdir(folder) == [file.name]


def _as_if_root(folder: Path) -> str:
    """A PATH on which ``id`` says that this is root."""
    (folder / "id").write_text("#!/bin/sh\necho 0\n")
    (folder / "id").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.parametrize("variable", ["SUDO_UID", "PKEXEC_UID", "DOAS_USER"])
@pytest.mark.parametrize("script", ["run.sh", "test.sh"])
def test_sudo_in_a_checkout_that_a_user_can_change_is_refused(tmp_path: Path, variable: str, script: str) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "packaging", checkout / "packaging", ignore=shutil.ignore_patterns("__pycache__"))
    (checkout / "packaging/lib.sh").chmod(0o666)
    venv = checkout / ".venv/bin"
    venv.mkdir(parents=True)
    (venv / "mdevview").write_text(f"#!/bin/sh\n: >{tmp_path}/attack\n")
    (venv / "mdevview").chmod(0o755)
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    environment |= {variable: "1000", "PATH": _as_if_root(tmp_path)}
    command = ["sh", str(checkout / "packaging" / script), "ruff"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert re.fullmatch(
        r"mdevview: root would run what others can change, as \S+: start this as yourself.*\n", done.stderr
    )
    assert not (tmp_path / "attack").exists()


def test_folders_that_only_root_can_write_to_are_accepted(tmp_path: Path) -> None:
    assert _shell("changeable /etc/passwd", tmp_path).stdout == ""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a").chmod(0o777)
    (tmp_path / "a/b").chmod(0o755)
    assert str(tmp_path / "a") in _shell(f"changeable {tmp_path}/a/b", tmp_path).stdout.splitlines()


def test_helper_is_installed_from_a_regular_file_that_others_cannot_write(tmp_path: Path) -> None:
    """Root copied what a link led to: /etc/shadow became a program that everybody can read."""
    text = (ROOT / "packaging/helper.sh").read_text()
    functions = re.findall(r"^(?:source_of\(\) .+|check_source\(\) \{\n(?:.*\n)+?\})$", text, flags=re.MULTILINE)
    assert len(functions) == 2
    file = tmp_path / "packaging/helper/mdevview-getfd"
    file.parent.mkdir(parents=True)
    secret = tmp_path / "secret"
    secret.touch(0o600)

    def look(**environment: str) -> str:
        return _shell(
            "\n".join([*functions, "check_source /usr/libexec/mdevview-getfd"]), tmp_path, **environment
        ).stderr

    file.touch(0o644)
    assert look(SUDO_UID=str(os.getuid())) == ""
    file.chmod(0o666)
    assert "everybody can write to" in look(SUDO_UID=str(os.getuid()))
    file.unlink()
    file.symlink_to(secret)
    assert "is no regular file" in look(SUDO_UID=str(os.getuid()))
