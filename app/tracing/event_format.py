"""Where the fields of an event are: the file ``format`` of an event in tracefs."""

import re
from dataclasses import dataclass

_ID = re.compile(r"^ID:\s*(\d{1,5})$", re.M)
_FIELD = re.compile(r"^\s*field:([^;\n]{1,200}?)\s*;\s*offset:(\d{1,4});\s*size:(\d{1,2});\s*signed:([01]);", re.M)
_SIZES = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Field:
    """An integer in the bytes of an event."""

    offset: int
    size: int
    signed: bool

    def read(self, data: bytes) -> int:
        """The value. Raises ValueError for an event that is too short."""
        end = self.offset + self.size
        if end > len(data):
            raise ValueError("the event is shorter than its format says")
        return int.from_bytes(data[self.offset : end], "little", signed=self.signed)


@dataclass(frozen=True, slots=True)
class EventFormat:
    """``number`` is the value of the field ``common_type`` of such events."""

    number: int
    fields: dict[str, Field]


def parse_format(text: str, *wanted: str) -> EventFormat:
    """Read the file. Raises ValueError if it lacks its number or one of the ``wanted`` fields as an integer."""
    number = _ID.search(text)
    if number is None:
        raise ValueError("the format has no ID")
    fields = {
        declared.split()[-1]: Field(int(offset), int(size), signed == "1")
        for declared, offset, size, signed in _FIELD.findall(text)
        if int(size) in _SIZES
    }
    for name in wanted:
        if name not in fields:
            raise ValueError(f"the format has no field {name}")
    return EventFormat(int(number[1]), fields)
