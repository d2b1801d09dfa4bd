"""What is said about a modifier: what this program can do with it, and what no header explains."""

import json

import pytest
from hypothesis import given, settings

from app.formats.modifier import tile_of
from app.formats.modifier_document import modifier_document, modifier_lines
from tests.unit.app.formats.modifiers.samples import MODIFIERS


def text(modifier: int) -> str:
    return "\n".join(modifier_lines(modifier_document(modifier)))


@pytest.mark.parametrize(
    ("modifier", "words"),
    [
        (0, "reads it on the CPU as it is"),
        (0x0100_0000_0000_0001, "converts it on the CPU; a tile has 512 bytes by 8 rows"),
        (0x0100_0000_0000_0003, "64 bytes by 64 rows at 1, 128 bytes by 32 rows at 2 and 4"),
        (0x0100_0000_0000_0006, "compressed: only a GPU that imports this modifier can read it"),
        (0x0700_0000_0000_0001, "there is no conversion on the CPU"),
        (0x00FF_FFFF_FFFF_FFFF, "imports such a buffer without a modifier"),
        (0x0F00_0000_0000_0001, "unknown vendor 0x0f"),
        (0x0300_0000_FC00_0013, "bits 26 to 31 are set, without a meaning in the kernel's header"),
        (0x0100_0000_0000_0063, "bits 0, 1, 5, 6 are set, without a meaning"),
        (0x0810_0000_0000_0001, "DRM_FORMAT_MOD_ARM_16X16_BLOCK_U_INTERLEAVED"),
    ],
)
def test_people_read(modifier: int, words: str) -> None:
    assert words in text(modifier)


@settings(deadline=None)
@given(MODIFIERS)
def test_any_modifier_is_explained(modifier: int) -> None:
    document = modifier_document(modifier)
    assert json.loads(json.dumps(document)) == document
    assert text(modifier).replace("\n", "").isprintable()
    assert document["cpu_readable"] == (modifier == 0 or tile_of(modifier, 4) is not None)
    assert not document["cpu_readable"] or document["layout"] in ("linear", "tiled")
