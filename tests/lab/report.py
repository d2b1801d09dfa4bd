"""The report of a run: a line per test, the text of failures, measured facts, pictures, the kernel's log."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.vm import Ended

# One JSON object per line, written at once: if the guest hangs, the results before that are there.
RESULTS = "results.jsonl"

STAGES = {
    90: "the guest could not mount the host's file system a second time",
    91: "the guest could not bind its own mounts",
    92: "the guest could not load the vfio modules",
    93: "the guest could not load the sample drivers",
}


@dataclass
class Results:
    """The tests in the order in which they ended. `running` is the test during which the guest hung."""

    tests: list[dict[str, str | float]] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    running: str | None = None

    def count(self, outcome: str) -> int:
        return Counter(test["outcome"] for test in self.tests)[outcome]

    def summary(self) -> str:
        return f"{self.count('passed')} passed, {self.count('failed')} failed, {self.count('skipped')} skipped"


def read(folder: Path) -> Results:
    results = Results()
    file = folder / RESULTS
    for line in file.read_text().splitlines() if file.is_file() else []:
        record = json.loads(line)
        if "fact" in record:
            results.facts.append((record["fact"], record["value"]))
        elif "outcome" in record:
            results.tests.append(record)
            results.running = None
        else:
            results.running = record["start"]
    return results


def trouble(folder: Path, ended: Ended, results: Results) -> str | None:
    """Why the run as a whole is not valid; None if it is."""
    if results.running is not None:
        return f"{results.running} did not end" + (f" within {ended.seconds:.0f} s" if ended.timed_out else "")
    if not (folder / "reached").is_file():
        return f"the guest did not come up; its console is in {folder / 'console.txt'}"
    if ended.status in STAGES:
        return f"{STAGES[ended.status]}; see {folder / 'guest.txt'}"
    if ended.status is None or ended.status > 1 or not results.tests:
        return f"pytest ended with status {ended.status}; see {folder / 'guest.txt'}"
    if ended.status == 1 and results.count("failed") == 0:
        return f"pytest failed outside its tests; see {folder / 'guest.txt'}"
    return None


def write(folder: Path, heading: list[str], results: Results) -> Path:
    lines = [*heading, ""]
    lines += [f"{test['outcome']:8}{test['seconds']:6.1f} s  {test['test']}" for test in results.tests]
    lines += ["", "Facts seen:", *(f"  {name}: {value}" for name, value in results.facts)] if results.facts else []
    for test in results.tests:
        if test["text"]:
            lines += ["", f"== {test['outcome']}: {test['test']}", str(test["text"])]
    pictures = sorted(path.name for path in folder.glob("*.png"))
    lines += ["", "Pictures: " + ", ".join(pictures)] if pictures else []
    file = folder / "report.txt"
    file.write_text("\n".join(lines) + "\n")
    return file
