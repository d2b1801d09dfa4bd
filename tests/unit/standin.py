"""A stand-in for QEMU: a program that takes its options, listens on the QMP socket, and ends when it is told to."""

import sys
from pathlib import Path

_SOURCE = """\
#!{python} -S
import functools, json, os, re, signal, socket, sys, time

arguments = sys.argv[1:]
if arguments == ["-device", "vfio-pci,help"]:
    sys.stdout.write("vfio-pci options:\\n" + ("  fd=<string>\\n  iommufd=<link<iommufd>>\\n" if {takes_fds} else ""))
    sys.exit(0)
words = dict(zip(arguments[::2], arguments[1::2]))
manner = words.get("-name", "")
fds = {{number: os.readlink("/proc/self/fd/" + number) for number in re.findall(r"fd=(\\d+)", " ".join(arguments))}}
if manner == "wrong":
    sys.stderr.write("qemu: -foo: invalid option\\n")
    sys.exit(1)
if manner == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server = socket.socket(socket.AF_UNIX)
server.bind(re.match("unix:path=([^,]*)", words["-qmp"])[1])
server.listen()
told = dict(arguments=arguments, fds=fds, session=os.getsid(0) == os.getpid(), stdin=os.readlink("/proc/self/fd/0"))
with open("{report}.new", "w") as file:
    json.dump(told, file)
os.rename("{report}.new", "{report}")
if manner == "ends":
    sys.exit(0)
log = open("{report}.log", "a", buffering=1)
def next_command(client, rest):
    # There is nothing between two commands.
    while True:
        try:
            command, end = json.JSONDecoder().raw_decode(rest[0])
            rest[0] = rest[0][end:].lstrip()
            return command
        except ValueError:
            data = client.recv(4096)
            if not data:
                raise OSError("hung up")
            rest[0] += data.decode()

answers = {{"query-status": dict(status="running", running=True), "query-mice": []}}
version = dict(qemu=dict(major=10, minor=0, micro=0), package="")
while True:
    client = server.accept()[0]
    say = lambda words: client.send(json.dumps(words).encode() + b"\\n", socket.MSG_NOSIGNAL)
    hear = functools.partial(next_command, client, [""])
    try:
        say(dict(QMP=dict(version=version, capabilities=[])))
        while True:
            command = hear()
            name = command["execute"]
            log.write(name + "\\n")
            if name == "quit" and manner == "stubborn":
                continue
            say({{"return": answers.get(name, {{}}), "id": command.get("id")}})
            if name == "quit" or (name == "system_powerdown" and manner == "obeys"):
                sys.exit(0)
    except OSError:
        pass
"""


class StandIn:
    """``program`` can be started; ``report`` exists when it listens; ``commands`` are the QMP commands so far."""

    def __init__(self, folder: Path, takes_fds: bool = False) -> None:
        self.program = folder / "qemu-system-x86_64"
        self.report = folder / "report"
        self.program.write_text(_SOURCE.format(python=sys.executable, report=self.report, takes_fds=takes_fds))
        self.program.chmod(0o755)

    @property
    def commands(self) -> list[str]:
        log = self.report.with_name(self.report.name + ".log")
        return log.read_text().split() if log.exists() else []
