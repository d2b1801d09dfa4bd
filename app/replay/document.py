"""Facts as JSON documents and back: one table of fields makes the dataclass, its JSON schema and its checks.

Values come from files of others. Each field has a limit, and a document that breaks one is a ValueError.
"""

import re
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeVar

Document = dict[str, Any]
T = TypeVar("T")

_KIND = "kind"
_HEX = re.compile(r"(?:[0-9a-f]{2})*")
# A free document is that of this program: facts of a host, of a renderer.
_MOST_DOCUMENT = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Number:
    least: int
    most: int

    def schema(self) -> Document:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def to_json(self, value: Any) -> Any:
        return value

    def from_json(self, value: Any) -> Any:
        if type(value) is not int or not self.least <= value <= self.most:
            raise ValueError(f"no integer from {self.least} to {self.most}")
        return value


@dataclass(frozen=True, slots=True)
class _Text:
    most: int

    def schema(self) -> Document:
        return {"type": "string", "maxLength": self.most}

    def to_json(self, value: Any) -> Any:
        return value[: self.most]

    def from_json(self, value: Any) -> Any:
        if type(value) is not str or len(value) > self.most:
            raise ValueError(f"no text of at most {self.most} characters")
        return value


@dataclass(frozen=True, slots=True)
class _Data:
    most: int

    def schema(self) -> Document:
        return {"type": "string", "pattern": "^([0-9a-f]{2})*$", "maxLength": 2 * self.most}

    def to_json(self, value: Any) -> Any:
        return value.hex()

    def from_json(self, value: Any) -> Any:
        if type(value) is not str or len(value) > 2 * self.most or not _HEX.fullmatch(value):
            raise ValueError(f"no hexadecimal digits of at most {self.most} bytes")
        return bytes.fromhex(value)


@dataclass(frozen=True, slots=True)
class _Free:
    def schema(self) -> Document:
        return {"type": "object"}

    def to_json(self, value: Any) -> Any:
        return value

    def from_json(self, value: Any) -> Any:
        if type(value) is not dict or len(repr(value)) > _MOST_DOCUMENT:
            raise ValueError(f"no object of at most {_MOST_DOCUMENT} characters")
        return value


def number(bits: int, *, signed: bool = False, optional: bool = False) -> Any:
    """A field of an integer of ``bits`` bits."""
    least = -(1 << bits - 1) if signed else 0
    most = (1 << (bits - 1 if signed else bits)) - 1
    return _field(_Number(least, most), optional)


def text(most: int, *, optional: bool = False) -> Any:
    """A field of a text, which is cut to ``most`` characters."""
    return _field(_Text(most), optional)


def data(most: int, *, optional: bool = False) -> Any:
    """A field of at most ``most`` bytes, in lower-case hexadecimal digits."""
    return _field(_Data(most), optional)


def free(*, optional: bool = False) -> Any:
    """A field of a JSON object whose contents others define."""
    return _field(_Free(), optional)


def _field(kind: Any, optional: bool) -> Any:
    return field(default=None, metadata={_KIND: kind}) if optional else field(metadata={_KIND: kind})


def json_schema(type_: type, title: str) -> Document:
    """The JSON schema of a dataclass whose fields were made by this module."""
    properties = {each.name: _schema(each) for each in fields(type_)}
    required = [each.name for each in fields(type_) if each.default is MISSING]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": (type_.__doc__ or "").strip(),
        "type": "object",
        "properties": properties,
        "required": required,
    }


def _schema(field_: "Field[Any]") -> Document:
    schema: Document = field_.metadata[_KIND].schema()
    if field_.default is None:
        schema["type"] = [schema["type"], "null"]
    return schema


def to_document(value: Any) -> Document:
    """The JSON object of an instance."""
    return {
        each.name: None if (member := getattr(value, each.name)) is None else each.metadata[_KIND].to_json(member)
        for each in fields(value)
    }


def from_document(type_: type[T], document: object) -> T:
    """The instance of a JSON object. Keys that are not known are left out: a later version may have more.

    Raises ValueError.
    """
    if type(document) is not dict:
        raise ValueError("no object")
    values: Document = {}
    for each in fields(type_):  # type: ignore[arg-type]  # every caller gives a dataclass
        value = document.get(each.name)
        if value is None:
            if each.default is MISSING:
                raise ValueError(f"{each.name} is missing")
            values[each.name] = None
            continue
        try:
            values[each.name] = each.metadata[_KIND].from_json(value)
        except ValueError as error:
            raise ValueError(f"{each.name}: {error}") from error
    return type_(**values)
