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

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "packaging/lock"
MIN_AGE = "7 days"
HEADER = "# Written by: python packaging/lock.py\n"

# The build backends of packages that exist as source only (argparse-manpage). pip would fetch the newest, unchecked.
SOURCE_BACKENDS = ("setuptools",)

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
    return {"dev": [*run, *build, *tables["dependency-groups"]["dev"]], "run": run, "build": build}


def resolve(wanted: list[str], oldest_python: str, constraint: Path | None) -> str:
    """The lock file for some requirements. Raises CalledProcessError; uv has printed why by then."""
    limits = () if constraint is None else ("--constraint", str(constraint))
    command = [sys.executable, "-m", "uv", "pip", "compile", "-q", *_OPTIONS, *limits]
    command += ["--python-version", oldest_python, "-"]
    lines = "\n".join(wanted)
    return subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT).stdout


def main() -> int:
    """Write all lock files. Returns the exit status."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    oldest = pyproject["project"]["requires-python"].removeprefix(">=")
    texts: dict[str, str] = {}
    try:
        for name, wanted in requirements(pyproject).items():
            texts[name] = resolve(wanted, oldest, FOLDER / "dev.txt" if texts else None)
            # The next ones are constrained by this one.
            (FOLDER / f"{name}.txt").write_text(HEADER + texts[name])
    except subprocess.CalledProcessError as error:
        return int(error.returncode)
    return 0


if __name__ == "__main__":
    sys.exit(main())
