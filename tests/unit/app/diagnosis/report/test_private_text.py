"""What a bug report does not tell."""

import re
import uuid

from hypothesis import example, given
from hypothesis import strategies as st

from app.diagnosis.report.private_text import PrivateNames, Redaction, left_out_text, names_in_passwd, word_pattern

# Words of the marks; a name that is such a word stays, and tells nothing.
_MARK = re.compile(
    r"\[(?:home folder|serial number|VM name|host name|user name|user number|UUID|MAC address|IP address) \d+\]"
)


def _redacted(text: str, **names: set[str]) -> str:
    return Redaction(PrivateNames(**{key: frozenset(value) for key, value in names.items()}))(text)


def _has_word(name: str, text: str) -> bool:
    return re.search(word_pattern(name), text, re.IGNORECASE) is not None


def test_names_are_replaced_as_words() -> None:
    text = "qemu 50 of bob (VM bob-win10) on Desk.lan, desk; /srv/bob2; bobcat"
    found = _redacted(text, users={"bob"}, vms={"bob-win10"}, hosts={"desk.lan", "desk"})
    assert found == "qemu 50 of [user name 1] (VM [VM name 1]) on [host name 1], [host name 2]; /srv/bob2; bobcat"


def test_equal_texts_get_equal_marks() -> None:
    a, b = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001", "83B8F4F2-509F-382F-3C1E-E6BFE0FA1002"
    redact = Redaction(PrivateNames())
    assert redact(f"{a} {b} {a.upper()}") == "[UUID 1] [UUID 2] [UUID 1]"
    assert redact(f"again {b}") == "again [UUID 2]"
    assert left_out_text(redact.left_out) == "2 UUIDs"


def test_forms_that_are_private() -> None:
    for text, kind in (
        ("mac=52:54:00:12:34:56,", "MAC address"),
        ("192.168.1.7:5900", "IP address"),
        ("at 10.0.0.5.", "IP address"),
        ("[fe80::1]:5900", "IP address"),
        ("2001:db8::5.", "IP address"),
        ("/home/bob/vm.qcow2", "home folder"),
        ("/run/user/1000/bus", "user number"),
        ("serial=WD-1234", "serial number"),
        ("Serial Number: 5CG12", "serial number"),
    ):
        assert f"[{kind} 1]" in _redacted(text), text
    assert _redacted("/home/bob/vm.qcow2") == "[home folder 1]/vm.qcow2"


def test_what_a_maintainer_needs_stays() -> None:
    text = (
        "0000:00:02.0 8086:5917 i915-GVTg_V5_4, Mesa 25.0.7-2~bpo12+1, Linux 6.12.0-1.2, libdrm 2.4.123, "
        "root:kvm 0660, 127.0.0.1:4444, ::1, 12:34:56, /dev/dri/renderD128, /usr/lib64, 0x8086:0x5917, XR24"
    )
    assert _redacted(text, users={"bob"}, hosts={"desk"}) == text


_NAME = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=1, max_size=12).filter(
    str.strip
)
_FILLER = st.sampled_from([" ", "", "/", "=", "]", "[", "user name 1", "serial=", "uuid ", ":", ".", "10.0.0.5", "VM"])


@given(
    st.lists(st.tuples(st.sampled_from(["users", "hosts", "vms", "homes", "serials"]), _NAME), max_size=5), st.data()
)
@example([("users", "serial"), ("vms", "]")], None)
def test_no_private_name_stays(named: list[tuple[str, str]], data: st.DataObject | None) -> None:
    names: dict[str, set[str]] = {}
    for kind, name in named:
        names.setdefault(kind, set()).add(name)
    parts = [name for _, name in named] or ["x"]
    text = "serial=12345 user ] [a]" if data is None else "".join(data.draw(st.lists(st.sampled_from(parts) | _FILLER)))
    rest = _MARK.split(_redacted(text, **names))
    assert not [name for _, name in named if any(_has_word(name, each) for each in rest)]


@given(st.uuids(), st.ip_addresses(), st.binary(min_size=6, max_size=6), st.text(max_size=5))
def test_no_identifier_stays(number: uuid.UUID, address: object, mac: bytes, between: str) -> None:
    text = f"{between} {number} {between} {address} {between} {mac.hex(':')} {between}"
    found = _redacted(text)
    assert str(number) not in found
    assert mac.hex(":") not in found
    if not (address.is_loopback or address.is_unspecified):  # type: ignore[attr-defined]
        assert not re.search(rf"(?<![\w.:]){re.escape(str(address))}(?![\w.:])", found)


def test_people_in_the_passwd_file() -> None:
    passwd = (
        "root:x:0:0:root:/root:/bin/sh\nlibvirt-qemu:x:64055:1:Libvirt:/:/bin/false\n"
        "bob:x:1000:1000:Bob Builder,,,:/home/bob:/bin/sh\nnobody:x:65534:1:nobody:/:/bin/false\ndamaged:x:x\n"
    )
    assert {"bob", "Bob Builder"} <= set(names_in_passwd(passwd))
    assert "root" not in set(names_in_passwd(passwd)) and "nobody" not in set(names_in_passwd(passwd))


def test_a_name_that_is_a_word_of_the_marks_changes_no_mark() -> None:
    number = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
    assert _redacted(f"{number} of uuid", vms={"UUID"}, users={"VM"}) == "[UUID 1] of [VM name 1]"
