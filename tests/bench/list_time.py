"""The cost of `list` and of finding a VM by its name beside hostile processes: ``python -m tests.bench.list_time``.

There are processes that sleep, and namesakes of a VM whose command lines are a gigabyte long. Each round is a new
process, run as root and as another user. ``--code FOLDER`` measures another version of this program, in turn with this
one: a checkout whose ``tests`` folder is this version's. Needs root.
"""

import argparse
import json
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.attacks.strangers import ANOTHER, open_host, root_of, running
from tests.bench.open_time import sleeping
from tests.unit.command import REPOSITORY
from tests.unit.hosts import UUID_A


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=2000)
    parser.add_argument("--namesakes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--code", type=Path, action="append", default=[])
    args = parser.parse_args()
    results: dict[tuple[int, Path], list[dict[str, float]]] = {}
    with ExitStack() as stack:
        stack.enter_context(sleeping(args.processes, 3))
        stack.enter_context(running("tests.attacks.programs.long_command_lines", str(args.namesakes)))
        host = stack.enter_context(open_host())
        host.mdev(UUID_A, "mbochs-small", 1)
        for _ in range(args.rounds):
            for uid in (0, ANOTHER):
                for code in (*args.code, REPOSITORY):
                    command = [sys.executable, "-m", "tests.attacks.programs.lists_vgpus", root_of(host), str(uid)]
                    done = subprocess.run(command, cwd=code, capture_output=True, text=True, timeout=300, check=True)
                    results.setdefault((uid, code), []).append(json.loads(done.stdout))
    for (uid, code), documents in results.items():
        for action, start in (("list", ""), ("list and vm:NAME", "vms_")):
            seconds = [each["seconds"] + (each["vms_seconds"] if start else 0) for each in documents]
            peak = max(each[f"{start}peak_kib"] for each in documents) / 1024
            print(
                f"{code} as user {uid}, {action:17} {statistics.median(seconds) * 1e3:6.0f} ms "
                f"(fastest {min(seconds) * 1e3:.0f}), {peak:.0f} MiB at most"
            )


if __name__ == "__main__":
    main()
