"""A Debian in a folder, in which programs run as if it were the whole machine, without a desktop and without sysfs."""

import os
import runpy
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SUITE = "trixie"
USER = 1000
_INSTALL_S = 900.0
# A root for one run needs no care for a loss of power, and no manuals.
_DPKG_OPTIONS = ("force-unsafe-io", "path-exclude=/usr/share/doc/*", "path-exclude=/usr/share/locale/*")
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


def debian_source() -> str:
    """An entry of apt for Debian 13, made of this machine's entry for Debian. Raises LookupError without one."""
    script = runpy.run_path(str(REPOSITORY / "packaging/backports.py"))
    codename = script["codename_here"]()
    entries = script["entries_of"](Path("/etc/apt"))
    text: str = script["text_of"](script["with_suite"](entries, codename, script["uris_of_debian"](codename), SUITE))
    return text


@dataclass(frozen=True)
class DebianRoot:
    """``folder`` is the root of the file system. Its programs get no other network than a display of this machine."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, packages: Sequence[str]) -> "DebianRoot":
        """Install a smallest Debian with these packages, and a user. Needs root, mmdebstrap and a mirror."""
        root = cls(folder)
        options = [f"--dpkgopt={each}" for each in _DPKG_OPTIONS]
        command = ["mmdebstrap", "--quiet", "--variant=apt", f"--include={','.join(packages)}"]
        command += [*options, '--aptopt=APT::Install-Recommends "false"', SUITE, str(folder), "-"]
        done = subprocess.run(
            command, input=debian_source(), capture_output=True, text=True, timeout=_INSTALL_S, check=False
        )
        assert done.returncode == 0, done.stderr[-4000:]
        root._add_user()
        return root

    def _add_user(self) -> None:
        with (self.folder / "etc/passwd").open("a") as users, (self.folder / "etc/group").open("a") as groups:
            users.write(f"someone:x:{USER}:{USER}::/home/someone:/bin/bash\n")
            groups.write(f"someone:x:{USER}:\n")
        home = self.folder / "home/someone"
        home.mkdir()
        os.chown(home, USER, USER)

    def command(self, *words: str, user: int = 0) -> list[str]:
        """What runs ``words`` in this root. Its processes are in a pid namespace of their own, and end together."""
        inside = ["chroot", f"--userspec={user}:{user}", "/", *words] if user else list(words)
        return [
            *("unshare", "--mount", "--pid", "--fork", "--kill-child", f"--root={self.folder}"),
            *("--mount-proc", "--wd=/", *inside),
        ]

    def run(
        self, *words: str, user: int = 0, env: Mapping[str, str] | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        done = subprocess.run(
            self.command(*words, user=user),
            capture_output=True,
            text=True,
            timeout=300,
            env=self.environment(user) | dict(env or {}),
            check=False,
        )
        assert done.returncode == 0 or not check, f"{words}: {done.stdout}{done.stderr}"
        return done

    def environment(self, user: int = 0) -> dict[str, str]:
        """The environment of a session of this user."""
        return _ENVIRONMENT | {"HOME": "/home/someone" if user else "/root"}

    def files(self) -> dict[str, tuple[int, int, int]]:
        """Every file below /usr, /etc, /var and /opt but the caches and logs of dpkg and apt."""
        found = {}
        for top in ("usr", "etc", "var", "opt"):
            for folder, folders, names in os.walk(self.folder / top):
                for name in (*folders, *names):
                    path = Path(folder, name)
                    stat = path.lstat()
                    found[str(path.relative_to(self.folder))] = (stat.st_mode, stat.st_uid, stat.st_gid)
        return {path: facts for path, facts in found.items() if not path.startswith(_BOOKS)}


# dpkg's and apt's own records.
_BOOKS = ("var/lib/dpkg/", "var/cache/", "var/log/", "var/lib/apt/")
