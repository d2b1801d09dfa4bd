"""Prints an apt entry for the backports of this Debian release.

Mirrors, proxies and keys differ between machines. So the new entry is a copy of the machine's entry for Debian, with
another suite. Both formats of apt are read; the newer one (deb822) is written.
"""

import subprocess
import sys
from pathlib import Path

Entry = dict[str, str]

# Options of the one-line format that have another name in deb822.
FIELDS = {"arch": "Architectures", "lang": "Languages", "target": "Targets"}


def deb822(text: str) -> list[Entry]:
    """The stanzas of a .sources file."""
    entries: list[Entry] = [{}]
    field = ""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if not line.strip():
            entries.append({})
        elif line[0].isspace():  # a continuation line, as of an embedded key
            entries[-1][field] += "\n" + line
        else:
            field, _, value = line.partition(":")
            field = field.title()  # field names are case-insensitive
            entries[-1][field] = value.strip()
    return [entry for entry in entries if entry.get("Enabled", "yes").lower() in ("yes", "true", "1")]


def one_line(text: str) -> list[Entry]:
    """The lines of a .list file: ``deb [option=value ...] uri suite component...``."""
    entries = []
    for raw in text.splitlines():
        kind, _, rest = raw.partition("#")[0].strip().partition(" ")
        options = ""
        if rest.lstrip().startswith("["):
            options, _, rest = rest.lstrip()[1:].partition("]")
        words = rest.split()
        if kind not in ("deb", "deb-src") or len(words) < 2:
            continue
        entry = {"Types": kind, "Uris": words[0], "Suites": words[1], "Components": " ".join(words[2:])}
        for option in options.split():
            name, _, value = option.partition("=")
            entry[FIELDS.get(name, name.title())] = value.replace(",", " ")
        entries.append(entry)
    return entries


def entries_of(apt: Path) -> list[Entry]:
    """Every entry for binary packages under /etc/apt, in apt's order."""
    found = []
    for path in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        if path.suffix == ".sources":
            found += deb822(path.read_text())
        elif path.suffix == ".list" and path.is_file():
            found += one_line(path.read_text())
    return [entry for entry in found if "deb" in entry.get("Types", "").split()]


def backports(entries: list[Entry], codename: str, debian_uris: set[str]) -> Entry:
    """The entry to add; empty if the machine has one. Raises LookupError if there is no entry to copy."""
    suite = f"{codename}-backports"
    if any(suite in entry.get("Suites", "").split() for entry in entries):
        return {}
    return with_suite(entries, codename, debian_uris, suite)


def with_suite(entries: list[Entry], codename: str, debian_uris: set[str], suite: str) -> Entry:
    """The entry for ``codename`` with another suite. Raises LookupError if there is no entry to copy."""
    # Other archives may use Debian's codenames too. apt knows which URIs are Debian's: their entries come first.
    candidates = [entry for entry in entries if codename in entry.get("Suites", "").split()]
    candidates.sort(key=lambda entry: debian_uris.isdisjoint(u.rstrip("/") for u in entry["Uris"].split()))
    if not candidates:
        raise LookupError(f"no entry for {codename} in apt's sources")
    return candidates[0] | {"Types": "deb", "Suites": suite}


def codename_here() -> str:
    """The codename of this machine's release, as "bookworm"."""
    lines = Path("/etc/os-release").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["VERSION_CODENAME"].strip('"')


def uris_of_debian(codename: str) -> set[str]:
    """The URIs that apt knows to be Debian's; none before apt-get update ran."""
    query = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian", f"Codename: {codename}"]
    listing = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    return {uri.rstrip("/") for uri in listing.split()}


def text_of(entry: Entry) -> str:
    """The stanza of a .sources file."""
    return "".join(f"{field}: {value}\n" for field, value in entry.items())


def main() -> int:
    """Print the entry for the release of this machine. Returns the exit status."""
    codename = codename_here()
    try:
        entry = backports(entries_of(Path("/etc/apt")), codename, uris_of_debian(codename))
    except LookupError as error:
        sys.stderr.write(f"mdevview: {error}: add {codename}-backports by hand\n")
        return 1
    sys.stdout.write(text_of(entry))
    return 0


if __name__ == "__main__":
    sys.exit(main())
