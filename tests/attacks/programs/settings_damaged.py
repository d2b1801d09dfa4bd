"""Reads damaged copies of a settings file: ``python -m ... FILE SEED COUNT``. The folder is $XDG_CONFIG_HOME."""

import random
import sys
from pathlib import Path

from ui.window.settings import settings

file, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
whole, chance = file.read_bytes(), random.Random(seed)
for _ in range(count):
    damaged = bytearray(whole)
    for _ in range(chance.randint(1, 8)):
        match chance.randrange(3):
            case 0:
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            case 1:
                del damaged[chance.randrange(len(damaged)) :][: chance.randrange(40)]
            case _:
                at = chance.randrange(len(damaged))
                damaged[at:at] = damaged[:at]
        if not damaged:
            damaged = bytearray(b"[")
    file.write_bytes(damaged)
    settings.load()
