"""Makes a trace instance in the folder given, prints a line and waits: ``traces.py FOLDER HOW_TO_END``."""

import sys
import time
from pathlib import Path

from app.tracing.instance import TraceInstance


def main(folder: str, end: str) -> None:
    instance = TraceInstance.create(Path(folder))
    try:
        print(instance.folder.name, flush=True)
        if end == "exception":
            raise RuntimeError
        time.sleep(100)
    finally:
        instance.close()


if __name__ == "__main__":
    main(*sys.argv[1:3])
