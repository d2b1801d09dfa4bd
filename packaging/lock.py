"""Writes the lock files in packaging/lock: python packaging/lock.py

They name one version of every Python package that packaging/run.sh and packaging/test.sh install, with the SHA-256 of
all its files, for every Python that mdevview supports. pip refuses a file that has none of these hashes. A version is
taken only when it is some days old, because most malicious releases are found and removed within days.

Needs network access and the dev environment. uv's own settings (UV_DEFAULT_INDEX and others) say where it looks.
No address gets into the files: everybody installs from the index that his own pip is set up for.
"""

import subprocess
import sys
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "packaging/lock"
MIN_AGE = "7 days"
HEADER = "# Written by: python packaging/lock.py\n"

# The build backends of packages that exist as source only (argparse-manpage). pip would fetch the newest, unchecked.
SOURCE_BACKENDS = ("setuptools",)

# Qt's later files for aarch64 need glibc 2.39, which Debian 12 does not have. A marker cannot name glibc.
LIMITS = tuple(
    f"{name} {limit}"
    for name in ("PyQt6", "PyQt6-Qt6")
    for limit in ("< 6.8 ; platform_machine == 'aarch64'", ">= 6.8 ; platform_machine != 'aarch64'")
)

# Options of uv. The packages must be the same for all files, so that the dev environment can run the program.
_OPTIONS = (
    "--universal",
    "--generate-hashes",
    "--fork-strategy=fewest",
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    "--no-emit-find-links",
    f"--exclude-newer={MIN_AGE}",
)


def requirements(pyproject: dict[str, object]) -> dict[str, list[str]]:
    """The requirements behind each lock file. ``build`` is installed before the others; ``dev`` has everything."""
    tables: dict[str, dict[str, list[str]]] = pyproject  # type: ignore[assignment]
    run, build = tables["project"]["dependencies"], [*tables["build-system"]["requires"], *SOURCE_BACKENDS]
    # The tests need the plots. libvirt's package is not here: it is built with the host's own library.
    plots = tables["project"]["optional-dependencies"]["plots"]  # type: ignore[call-overload]
    return {"dev": [*run, *plots, *build, *tables["dependency-groups"]["dev"]], "run": run, "build": build}


def resolve(wanted: list[str], oldest_python: str, constraints: list[Path]) -> str:
    """The lock file for some requirements. Raises CalledProcessError; uv has printed why by then."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "-q", *_OPTIONS, "--python-version", oldest_python]
    command += ["-"] + [f"--constraint={each}" for each in constraints]
    lines = "\n".join(wanted)
    return subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT).stdout


def main() -> int:
    """Write all lock files. Returns the exit status."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    oldest = pyproject["project"]["requires-python"].removeprefix(">=")
    with TemporaryDirectory() as folder:
        limits = Path(folder) / "limits.txt"
        limits.write_text("\n".join(LIMITS))
        constraints = [limits]
        try:
            for name, wanted in requirements(pyproject).items():
                file = FOLDER / f"{name}.txt"
                file.write_text(HEADER + resolve(wanted, oldest, constraints))
                # The others have the versions of the first one.
                constraints.append(file)
        except subprocess.CalledProcessError as error:
            return int(error.returncode)
    return 0


if __name__ == "__main__":
    sys.exit(main())
