"""A guest of 31 bytes: it shows the typed characters, and sends each key that the BIOS reads to the host.

The BIOS loads the first sector of the disk to 0x7c00 and jumps there. int 0x16 reads keys, int 0x10 draws characters,
and port 0xe9 is QEMU's debug console (isa-debugcon).
"""

from pathlib import Path

# One instruction per line. Jumps are relative, so the code runs at any address.
_CODE = """
b0 3e      # start: mov al, '>'
bb 07 00   # print: mov bx, 7       page 0, light grey
b4 0e      #        mov ah, 0x0e
cd 10      #        int 0x10
3c 0d      #        cmp al, 13
75 04      #        jne key
b0 0a      #        mov al, 10      Enter is a carriage return alone
eb f1      #        jmp print
31 c0      # key:   xor ax, ax
cd 16      #        int 0x16
e6 e9      #        out 0xe9, al    the character in code page 437, 0 where the key has none
86 c4      #        xchg al, ah
e6 e9      #        out 0xe9, al    the scancode of set 1
86 c4      #        xchg al, ah
eb e3      #        jmp print
"""
_SECTOR = 512
_SIGNATURE = b"\x55\xaa"


def write_disk(file: Path) -> None:
    """Write a disk image that the BIOS boots. It has one megabyte, as the BIOS needs a disk geometry."""
    code = bytes.fromhex(" ".join(line.split("#")[0] for line in _CODE.splitlines()))
    with file.open("wb") as disk:
        disk.write(code.ljust(_SECTOR - len(_SIGNATURE), b"\0") + _SIGNATURE)
        disk.truncate(1 << 20)


def keys(told: bytes) -> list[tuple[str, int]]:
    """The keys that the guest read: the character ("" if none) and the scancode of each."""
    pairs = zip(told[::2], told[1::2], strict=False)
    return [(bytes([character]).decode("cp437") if character else "", scancode) for character, scancode in pairs]
