"""The entry for backports, made from both of apt's formats."""

import runpy
from pathlib import Path
from typing import Any

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "packaging/backports.py"))

SOURCES = """\
Types: deb deb-src
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
"""


def derive(folder: Path, *debian_uris: str) -> dict[str, str]:
    entry: Any = SCRIPT["backports"](SCRIPT["entries_of"](folder), "bookworm", set(debian_uris))
    return dict(entry)


def write(folder: Path, **files: str) -> None:
    (folder / "sources.list.d").mkdir()
    for name, text in files.items():
        (folder / "sources.list.d" / name.replace("_", ".")).write_text(text)


def test_deb822_entry_keeps_all_but_types_and_suites(tmp_path: Path) -> None:
    write(tmp_path, debian_sources=SOURCES)
    entry = derive(tmp_path)
    assert (entry["Types"], entry["Suites"], entry["Components"]) == ("deb", "bookworm-backports", "main contrib")
    assert entry["Uris"] == "http://mirror.example/debian"
    assert entry["Signed-By"].splitlines()[1:3] == [" -----BEGIN PGP PUBLIC KEY BLOCK-----", " ."]


def test_one_line_entry_keeps_its_options(tmp_path: Path) -> None:
    write(tmp_path)
    line = "deb [arch=amd64,i386 signed-by=/keys/a.gpg] http://mirror.example/debian bookworm main # mine\n"
    (tmp_path / "sources.list").write_text("# deb http://mirror.example/old bookworm main\n" + line)
    assert derive(tmp_path) == {
        "Types": "deb",
        "Uris": "http://mirror.example/debian",
        "Suites": "bookworm-backports",
        "Components": "main",
        "Architectures": "amd64 i386",
        "Signed-By": "/keys/a.gpg",
    }


def test_somebody_elses_archive_with_the_same_codename_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, acme_list="deb http://acme.example/apt bookworm main\n", debian_sources=SOURCES)
    assert derive(tmp_path, "http://mirror.example/debian")["Uris"] == "http://mirror.example/debian"


@pytest.mark.parametrize("suites", ["bookworm-backports", "bookworm bookworm-backports"])
def test_nothing_to_add_where_backports_are_known(tmp_path: Path, suites: str) -> None:
    backports = f"Types: deb\nURIs: http://mirror.example/debian\nSuites: {suites}\nComponents: main\n"
    write(tmp_path, debian_sources=SOURCES, more_sources=backports)
    assert derive(tmp_path) == {}


def test_disabled_and_source_only_entries_do_not_count(tmp_path: Path) -> None:
    write(tmp_path, debian_sources="Enabled: no\n" + SOURCES.partition("\n\n")[0], src_list="deb-src http://a b c\n")
    with pytest.raises(LookupError, match="bookworm"):
        derive(tmp_path)
