"""How large a window makes the place for the guest's picture, as long as its user did not say so: pure numbers."""

# Text of 80 x 25 characters is this large. On a dense screen, fewer device pixels are too small to be read.
_LEAST_LONG, _LEAST_SHORT = 640, 400
# So many widths are tried for one where rounding leaves no row or column free.
_TRIED = 16


def picture_size(
    seen: tuple[int, int], room: tuple[int, int], ratio: float, percent: int | None = None, bar: int = 0
) -> tuple[int, int]:
    """Width and height for a picture of ``seen`` guest pixels as they are rotated, in device-independent pixels.

    The picture fills the place: one to one, or by the smallest whole factor that makes it large enough to be read, or
    as large as the room allows. With ``percent`` device pixels per guest pixel in percent it is that large; where the
    room cuts it off, there is place for a scroll bar of thickness ``bar``. ``room`` has device-independent pixels, of
    ``ratio`` device pixels each.
    """
    width, height = seen
    if percent is not None:
        full = [_up(each * percent / 100 / ratio) for each in seen]
        beside = [bar if each > most else 0 for each, most in zip(full, room, strict=True)]
        return max(1, min(full[0] + beside[1], room[0])), max(1, min(full[1] + beside[0], room[1]))
    factor = 1
    while max(seen) * factor < _LEAST_LONG * ratio or min(seen) * factor < _LEAST_SHORT * ratio:
        factor += 1
    while factor > 1 and not _fits(seen, room, ratio, factor):
        factor -= 1
    if _fits(seen, room, ratio, factor):
        return _up(width * factor / ratio), _up(height * factor / ratio)
    return min(_shrunk(seen, room), key=lambda size: _free(seen, size, ratio))


def _shrunk(seen: tuple[int, int], room: tuple[int, int]) -> list[tuple[int, int]]:
    """The sizes of this shape that are nearly as large as the room, the largest first."""
    width, height = seen
    most = min(room[0], room[1] * width / height)
    return [
        (max(1, int(most) - less), max(1, round((int(most) - less) * height / width)))
        for less in range(min(_TRIED, max(1, int(most))))
    ]


def _free(seen: tuple[int, int], size: tuple[int, int], ratio: float) -> int:
    """How many device pixels stay free beside or above a picture that is scaled to fit."""
    width, height = (round(each * ratio) for each in size)
    scale = min(width / seen[0], height / seen[1])
    return width - round(seen[0] * scale) + height - round(seen[1] * scale)


def _fits(seen: tuple[int, int], room: tuple[int, int], ratio: float, factor: int) -> bool:
    return all(_up(each * factor / ratio) <= most for each, most in zip(seen, room, strict=True))


def _up(value: float) -> int:
    """The next whole number: a pixel less than the picture needs would blur it."""
    return -int(-value // 1)
