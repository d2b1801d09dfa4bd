"""The texts in which QEMU takes options: what it accepts is read back, and anything else is survived."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.qemu.command_line import parse_command_line
from app.qemu.option_text import GlobalProperty, SetOption, global_property, items, pair, sections, set_option

# QEMU's own names of groups, ids and keys; a value may be any text.
WORDS = st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True)
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
QUOTED = st.text(st.characters(exclude_characters='\0\n"', exclude_categories=["Cs"]), max_size=40)
KEYS = WORDS.filter(lambda each: each not in ("driver", "id"))


@given(st.dictionaries(WORDS, VALUES, min_size=1))
def test_a_list_of_options_is_read_back(given_pairs: dict[str, str]) -> None:
    text = ",".join(pair(key, value) for key, value in given_pairs.items())
    assert dict(items(text)) == given_pairs


@given(st.lists(st.tuples(WORDS, st.none() | WORDS, st.dictionaries(WORDS.filter(lambda each: each != "id"), QUOTED))))
def test_a_configuration_file_as_qemu_writes_it_is_read_back(
    groups: list[tuple[str, str | None, dict[str, str]]],
) -> None:
    """The form of config_write_opts() in util/qemu-config.c of QEMU up to 6.0."""
    text = "# qemu config file\n\n"
    for group, id_, pairs in groups:
        text += f'[{group} "{id_}"]\n' if id_ else f"[{group}]\n"
        text += "".join(f'  {key} = "{value}"\n' for key, value in pairs.items()) + "\n"
    found = [(each.group, dict(items(each.value) if each.value else ())) for each in sections(text)]
    assert found == [(group, ({"id": id_} if id_ else {}) | pairs) for group, id_, pairs in groups]


@given(KEYS, VALUES, VALUES, st.sampled_from(["set", "global", "long global", "json", "device"]))
def test_every_way_to_give_a_property_keeps_its_value(key: str, value: str, before: str, way: str) -> None:
    device = ["-device", ",".join(("vfio-pci,id=gpu", pair("x-before", before)))]
    arguments = {
        "set": [*device, "-set", f"device.gpu.{key}={value}"],
        "global": ["-global", f"vfio-pci.{key}={value}", *device],
        "long global": ["-global", ",".join(("driver=vfio-pci", pair("property", key), pair("value", value))), *device],
        "json": ["-device", json.dumps({"driver": "vfio-pci", key: value})],
        "device": ["-device", f"vfio-pci,{pair(key, value)}"],
    }
    [found] = parse_command_line(["qemu", *arguments[way]]).devices
    assert found.properties[key] == (before if way.endswith("global") and key == "x-before" else value)


@pytest.mark.parametrize(
    ("given_options", "value"),
    [
        (["-device", "vfio-pci,id=a,x=1", "-set", "device.a.x=2", "-set", "device.a.x=3"], "3"),
        (["-device", "vfio-pci,id=a,x=1,x=2"], "2"),
        (["-global", "vfio-pci.x=1", "-global", "vfio-pci.x=2", "-device", "vfio-pci"], "2"),
        (["-global", "vfio-pci.x=1", "-device", "vfio-pci,x=2"], "2"),
        # A global option counts wherever it stands.
        (["-device", "vfio-pci", "-global", "vfio-pci.x=1"], "1"),
        (["-device", "vfio-pci", "-global", "pci-device.x=1"], "1"),
        (["-device", "vfio-pci,id=a", "-set", "device.a.x=a,b"], "a,b"),
        (["-device", "vfio-pci,id=a.b", "-set", "device.a.x=1"], None),
        (["-device", '{"driver":"vfio-pci","x":true}'], "on"),
        (["-device", '{"driver":"vfio-pci","x":"auto"}'], "auto"),
        (["-device", '{"driver":"vfio-pci","id":"a"}', "-set", "device.a.x=1"], None),
        (["-device", "vfio-pci,nox"], "off"),
    ],
)
def test_precedence_is_that_of_qemu(given_options: list[str], value: str | None) -> None:
    [device] = parse_command_line(["qemu", *given_options]).devices
    assert device.properties.get("x") == value


def test_a_configuration_file_has_the_name_and_the_monitor_of_a_vm() -> None:
    text = """
# made by hand
[name]
  guest = "desk, top"
[chardev "qmp"]
  backend = "socket"
  path = "/run/qmp"
  server = "on"
[mon]
  chardev = "qmp"
  mode = "control"
[global]
  driver = "vfio-pci"
  property = "display"
  value = "on"
[device]
  driver = "vfio-pci"
  host = "01:00.0"
"""
    line = parse_command_line(["qemu", "-readconfig", "/etc/vm.cfg", "-S"], {"/etc/vm.cfg": text})
    assert line.name == "desk, top"
    assert str(line.monitors[0].address) == "/run/qmp"
    assert [each.properties["display"] for each in line.vfio_devices] == ["on"]
    assert not line.reads_config


@given(st.text(), st.text())
def test_any_text_is_survived(text: str, other: str) -> None:
    sections(text)
    assert set_option(text) is None or isinstance(set_option(text), SetOption)
    assert global_property(text) is None or isinstance(global_property(text), GlobalProperty)
    arguments = ["qemu", "-device", text, "-set", other, "-global", text, "-readconfig", "f", "-set", f"device.{other}"]
    parse_command_line(arguments, {"f": text})
