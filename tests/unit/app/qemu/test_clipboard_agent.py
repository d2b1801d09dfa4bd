import pytest

from app.qemu.clipboard_agent import has_clipboard_agent
from app.qemu.command_line import parse_command_line


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("-chardev qemu-vdagent,id=vd,name=vdagent,clipboard=on", True),
        ("-chardev backend=qemu-vdagent,clipboard=yes,id=vd", True),
        # It is off by default.
        ("-chardev qemu-vdagent,id=vd", False),
        ("-chardev qemu-vdagent,id=vd,clipboard=off", False),
        ("-chardev spicevmc,id=vd,name=vdagent", False),
        ("-display dbus,p2p=yes", False),
        ("-readconfig vm.cfg", True),
    ],
)
def test_channel_to_an_agent_is_found_on_the_command_line(words: str, found: bool) -> None:
    assert has_clipboard_agent(parse_command_line(["qemu-system-x86_64", *words.split()])) is found
