"""The arguments of each command. Building them imports nothing heavy: a command is imported when it runs."""

import argparse

from app.open.target import parse_target
from app.qemu.qmp_address import parse_address
from ui.cli.argument_values import count, file_name, mode, reading
from ui.cli.common_arguments import (
    WINDOW_GPU_HELP,
    Commands,
    add_command,
    add_gpu,
    add_helper,
    add_json,
    add_matrix,
    add_poll,
    add_special,
    add_target,
    add_timeout,
    finish_command,
)
from ui.cli.debugging_arguments import add_debugging_commands, add_doctor
from ui.cli.measure_arguments import add_measuring_commands


def add_commands(commands: Commands) -> None:
    """Add every command, those of every day first."""
    _add_view(commands)
    _add_overview(commands)
    _add_run(commands)
    _add_list(commands)
    _add_screenshot(commands)
    add_doctor(commands)
    add_debugging_commands(commands)
    add_measuring_commands(commands)
    for parser in commands.choices.values():
        finish_command(parser)


def _add_view(commands: Commands) -> None:
    parser = add_command(
        commands,
        "view",
        "show a VM's screen in a window",
        "What --scaling, --filter, --rotate, --flip-x and --flip-y do not set is as the user last chose it in this "
        "VM's window. What they set is not remembered.",
    )
    parser.epilog = (
        "vm:NAME is a VM of QEMU's or libvirt's, vm:105 VM 105 of Proxmox VE; pid:N is the process of a running VM, "
        "pid:N,fd=M one of its vGPUs; vm:NAME,console=N and pid:N,console=N are a screen of a VM with a D-Bus display "
        "(QEMU's -display dbus), dbus:ADDRESS is the VM on that bus; xen:NAME is the PV display of a Xen guest, and "
        "xen:NAME,refs=FILE,size=WxH,format=XR24 a picture in pages that it granted; fd:N is an open VFIO device that "
        "the parent process left open; sim:gvt, sim:mbochs and sim:mdpy are simulated devices and take "
        "[,key=value...]; replay:FILE is a recording and takes [,speed=N] (max: as fast as possible) and [,start=S]. "
        "The man page has more."
    )
    add_target(parser)
    parser.add_argument(
        "--wait",
        action="store_true",
        help="wait for the VM to start, and after its end for the next start; a free vGPU is not opened, so that a VM "
        "can take it; a Xen guest needs it before xl create",
    )
    _add_everyday(parser)
    parser.add_argument(
        "--qmp",
        metavar="SOCKET",
        type=parse_address,
        help="where the VM takes input: its QMP monitor, as the path of a unix socket or HOST:PORT; default: where the "
        "VM's command line says",
    )
    # For the desktop file: a user who started the program from a menu does not see standard error.
    parser.add_argument("--page", action="store_true", help=argparse.SUPPRESS)
    add_helper(parser)
    _add_special(parser)


def _add_overview(commands: Commands) -> None:
    parser = add_command(
        commands,
        "overview",
        "show the screens of all vGPUs, D-Bus displays and Xen guests in one window",
        "Each tile has the VM's name, the state and the frames per second; a click, or Enter, opens it in a window of "
        "its own. VMs and vGPUs appear and go by themselves. A free vGPU is not opened, so that a VM can take it; "
        "root's permission is asked for only after a click. So is a D-Bus display opened in peer-to-peer mode, because "
        "another viewer of that VM would lose its keyboard and pointer, and the screen of a Xen guest, because the "
        "guest gets it only then.",
    )
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="TARGET",
        type=parse_target,
        help="what to show, as for view; default: every vGPU of this host that has a display, every VM with a D-Bus "
        "display and every Xen guest with a PV display, a simulated vGPU where there is none",
    )
    _add_fullscreen(parser)
    add_helper(parser)
    add_gpu(add_special(parser), WINDOW_GPU_HELP)


def _add_fullscreen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fullscreen", action="store_true", help="start in fullscreen")


def _add_everyday(parser: argparse.ArgumentParser) -> None:
    """How the window shows the picture. ``scaling``, ``filter`` and ``rotate`` are None when not given."""
    _add_fullscreen(parser)
    parser.add_argument(
        "--scaling",
        choices=("fit", "integer", "actual"),
        help="how the picture is scaled: to fit the window (fit), by whole factors (integer), or to its actual size "
        "(actual)",
    )
    parser.add_argument(
        "--filter",
        choices=("linear", "nearest"),
        help="how a scaled picture looks: smooth (linear), or with sharp pixels (nearest)",
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--resolution",
        metavar="WxH[@Hz]",
        type=mode,
        help="ask the guest to use this mode (default refresh rate: 60): by an EDID where the vGPU has an EDID region, "
        "as GVT-g and mbochs have; by a D-Bus display where the device of the VM takes a size (WxH alone), as "
        "virtio-gpu does",
    )
    size.add_argument(
        "--follow", action="store_true", help="ask the guest for the window's size whenever the window is resized"
    )
    parser.add_argument(
        "--rotate",
        type=int,
        choices=(0, 90, 180, 270),
        help="turn the picture to the right by this many degrees; screenshots are not turned",
    )
    parser.add_argument("--flip-x", action="store_true", help="flip the picture horizontally: left becomes right")
    parser.add_argument("--flip-y", action="store_true", help="flip the picture vertically: top becomes bottom")


def _add_special(parser: argparse.ArgumentParser) -> None:
    """The options of a window that few need."""
    group = add_special(parser)
    add_gpu(group, WINDOW_GPU_HELP)
    add_poll(group)
    group.add_argument("--cursor-outline", action="store_true", help="draw an outline around the cursor plane")
    group.add_argument(
        "--straight-alpha",
        action="store_true",
        help="the cursor has straight alpha: its colours are not multiplied by it",
    )
    add_matrix(group)
    group.add_argument(
        "--tear-free",
        action="store_true",
        help="compose each picture from a copy on the GPU, so that a guest which draws into the buffer on the screen "
        "does not change it during the composition; costs one more draw for each picture and the memory of one "
        "(default: off, as most guests flip between buffers instead)",
    )


def _add_run(commands: Commands) -> None:
    """``arguments`` is the VM's command line, without the ``--`` before it."""
    parser = add_command(
        commands,
        "run",
        "start a VM and show it",
        "Where QEMU's command line lacks them, these things are added at its end: the vGPU as a vfio-pci device (with "
        "its own display off, as the window shows it), a QMP socket in a new folder, for a vGPU of NVIDIA's the VM's "
        "UUID, which its manager needs, and for one of GVT-g its OpRegion (x-igd-opregion=on), without which most "
        "guests find no display. Nothing else is changed; "
        "-display none keeps QEMU from opening a window as well. With -display dbus and without --uuid and --type, no "
        "vGPU is added: QEMU's own screen is shown. The window asks before it closes: shut down, or leave "
        "the VM running. At Ctrl-C, SIGTERM or SIGHUP the guest is asked to power down without a question, and after a "
        "minute, or at a second Ctrl-C, QEMU is ended. When the VM ends, so does mdevview: with status 0 if all went "
        "well, else with 1.",
    )
    parser.usage = f"{parser.prog} [OPTION...] -- QEMU [ARGUMENT...]"
    parser.add_argument(
        "--uuid",
        metavar="UUID",
        help="the vGPU, by its UUID, the start or the end of that, or its PCI address; default: the one that the "
        "command line names, else the only free one, or none with -display dbus",
    )
    parser.add_argument(
        "--type",
        metavar="TYPE",
        help="create a vGPU of this type (its id, or what follows the driver in it) for as long as the VM runs, with "
        "a random UUID or that of --uuid; needs root's permission",
    )
    parser.add_argument(
        "--parent", metavar="DEVICE", help="the device to create it on, by its name in sysfs (0000:00:02.0)"
    )
    parser.add_argument(
        "--keep-running",
        action="store_true",
        help="when the window is closed, let the VM go on without a question; a vGPU that was created stays too",
    )
    _add_everyday(parser)
    add_helper(parser)
    _add_special(parser)
    parser.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="QEMU",
        help="the VM's command line: QEMU, or a program that becomes it by exec (env, nice, a script), as your own "
        "user and without -daemonize",
    )


def _add_list(commands: Commands) -> None:
    """``targets`` is True for --targets, a text for --targets=START, and None when not given."""
    parser = add_command(
        commands,
        "list",
        "list the vGPUs of this host, its VMs with a D-Bus display, and its Xen guests",
        "The vGPUs with type, parent, driver, IOMMU group or cdev, who has them open and how (process, VM, by group or "
        "by cdev), and the kind of display their driver is known to offer. The VMs with process, user, the way to the "
        "display, and the TARGET that opens it, as their command lines tell. The Xen guests with a PV display, as "
        "xenstore tells, where you may read it. No device is opened, no VM is asked.",
    )
    kind = parser.add_mutually_exclusive_group()
    add_json(kind)
    kind.add_argument(
        "--targets",
        metavar="START",
        nargs="?",
        const=True,
        help="print only what can be given as TARGET, one per line; with START, for a shell's "
        "completion, every TARGET that begins with it, the keys and values of simulated devices included",
    )


def _add_screenshot(commands: Commands) -> None:
    """``reading`` is None without --as, ``plane`` and ``best`` are None when not given."""
    parser = add_command(
        commands,
        "screenshot",
        "save a VM's screen as a PNG file",
        "Needs no window and no display server. With --raw, --as or --guess the CPU reads the bytes of a plane, also "
        "of one that cannot be shown, and no OpenGL is used. A picture that looks garbled is read in another way with "
        "--as; --guess finds out how.",
    )
    add_target(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=file_name,
        help="the PNG file, or with --raw the file of bytes; - is standard output; needed except with --guess",
    )
    parser.add_argument(
        "--plane",
        choices=("composite", "primary", "cursor"),
        help="one plane alone, or the primary with the cursor on it (default; with --raw, --as and --guess: primary)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON document for programs: the state of the picture, or the list of --guess",
    )
    add_timeout(parser)
    add_helper(parser)
    special = add_special(parser)
    special.add_argument(
        "--raw",
        action="store_true",
        help="write the bytes of the plane as they lie in its buffer, and beside a new FILE a document FILE.json that "
        "says what they are; not for drivers whose buffers the CPU may not read, such as GVT-g",
    )
    special.add_argument(
        "--from-raw", metavar="FILE", type=file_name, help="read such a file in place of a vGPU; - is standard input"
    )
    special.add_argument(
        "--as",
        dest="reading",
        metavar="FORMAT[:MODIFIER[:WxH[:STRIDE]]]",
        type=reading,
        help="take the bytes for this: FORMAT is a fourcc or a long name (XR24, XRGB8888), MODIFIER is linear, X, Y, "
        "Yf, 4, a name such as INTEL_Y_TILED or a number, STRIDE is the bytes from row to row. An empty part is what "
        "the device or FILE.json says (:X changes the tiling alone); a stride that does not fit any more is the least "
        "one. What missing bytes would show is black. Compressed tilings cannot be read",
    )
    special.add_argument(
        "--guess",
        action="store_true",
        help="list the likeliest readings, by how smooth the picture is, as texts for --as; with -o, save the picture "
        "of the first. The size that the device or FILE.json says is kept, and what --as gives",
    )
    special.add_argument("--best", metavar="N", type=count, help="how many readings --guess lists (default: 10)")
    add_gpu(special)
    add_matrix(special)
