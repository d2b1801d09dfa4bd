"""Replaces what is private in a text for a bug report. Pure.

Names that are known to be private are replaced wherever they stand as a word. What has a recognisable form is replaced
by that form: UUIDs, MAC and IP addresses, home folders, serial numbers. Equal texts get equal marks, so a reader still
sees what belongs together.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PrivateNames:
    """Names that must not be told. The names of system users, such as root and libvirt-qemu, are not private."""

    users: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    vms: frozenset[str] = frozenset()
    homes: frozenset[str] = frozenset()
    serials: frozenset[str] = frozenset()


class Redaction:
    """Replaces in several texts, and counts. A call returns the text with a mark for each private part."""

    def __init__(self, names: PrivateNames) -> None:
        self._marks: dict[tuple[str, str], str] = {}
        # Forms first: a VM may be called "serial". Then the longest names: a host's full name contains the short one.
        self._rules = (*_FORMS, *_rules_of(names))

    def __call__(self, text: str) -> str:
        # Only what is no mark is searched, whatever the names are.
        pieces = [(text, False)]
        for rule in self._rules:
            pieces = [part for piece in pieces for part in self._split(*piece, rule)]
        return "".join(each for each, _ in pieces)

    @property
    def left_out(self) -> Counter[str]:
        """How many different texts of each kind were replaced."""
        return Counter(kind for kind, _ in self._marks)

    def _split(self, text: str, is_mark: bool, rule: "_Rule") -> Iterator[tuple[str, bool]]:
        at = 0
        for found in () if is_mark else rule.pattern.finditer(text):
            private, (start, end) = found["private"], found.span("private")
            if rule.accept(private):
                yield text[at:start], False
                yield self._mark(rule.kind, private.casefold()), True
                at = end
        yield text[at:], is_mark

    def _mark(self, kind: str, private: str) -> str:
        number = self.left_out[kind] + 1
        return self._marks.setdefault((kind, private), f"[{kind} {number}]")


def left_out_text(counts: Counter[str]) -> str:
    """What was left out, in words: ``2 user names, 1 UUID``; "nothing" for none."""
    parts = [f"{count} {kind}{_plural(kind) if count > 1 else ''}" for kind, count in sorted(counts.items())]
    return ", ".join(parts) or "nothing"


def _plural(kind: str) -> str:
    return "es" if kind.endswith("s") else "s"


def _is_ip(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    # The loopback and "any" addresses are those of every host.
    return not (address.is_loopback or address.is_unspecified)


def _always(_text: str) -> bool:
    return True


_HEX = "[0-9a-fA-F]"


@dataclass(frozen=True, slots=True)
class _Rule:
    """``pattern`` has a group "private", which is replaced if ``accept`` says so."""

    kind: str
    pattern: re.Pattern[str]
    accept: Callable[[str], bool] = _always


_FORMS = (
    _Rule("UUID", re.compile(rf"(?<!{_HEX})(?P<private>{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}})(?!{_HEX})")),
    _Rule("MAC address", re.compile(rf"(?<!{_HEX})(?P<private>{_HEX}{{2}}(?:[:-]{_HEX}{{2}}){{5}})(?!{_HEX})")),
    _Rule("IP address", re.compile(r"(?<![\w.])(?P<private>\d{1,3}(?:\.\d{1,3}){3})(?!\.?\w)"), _is_ip),
    _Rule(
        "IP address", re.compile(rf"(?<![\w:])(?P<private>{_HEX}{{0,4}}(?::{_HEX}{{0,4}}){{2,7}})(?!\w|:|\.\d)"), _is_ip
    ),
    _Rule("home folder", re.compile(r"(?P<private>/(?:home|Users)/[^/\s:;,'\")\]\[]+)")),
    _Rule("user number", re.compile(r"/run/user/(?P<private>\d+)")),
    _Rule(
        "serial number",
        re.compile(r"(?i)serial(?:[ _-]?(?:number|no))?(?:=|: ?| )(?P<private>[\w.-]*\d[\w.-]*)"),
    ),
)


def _rules_of(names: PrivateNames) -> Iterator[_Rule]:
    for kind, private in (
        ("home folder", names.homes),
        ("serial number", names.serials),
        ("VM name", names.vms),
        ("host name", names.hosts),
        ("user name", names.users),
    ):
        for each in sorted(filter(str.strip, private), key=len, reverse=True):
            yield _Rule(kind, re.compile(word_pattern(each), re.IGNORECASE))


def word_pattern(name: str) -> str:
    """A pattern that finds a name as a word: next to its letters and digits is no other one."""
    before = r"(?<![^\W_])" if name[0].isalnum() else ""
    after = r"(?![^\W_])" if name[-1].isalnum() else ""
    return f"{before}(?P<private>{re.escape(name)}){after}"


def names_in_passwd(passwd: str, least_uid: int = 1000) -> Iterable[str]:
    """The names of people in a file in the form of passwd(5), and their full names."""
    for line in passwd.splitlines():
        fields = line.split(":")
        if len(fields) == 7 and fields[2].isdecimal() and least_uid <= int(fields[2][:9]) < 65534:
            yield fields[0]
            yield fields[4].partition(",")[0]
