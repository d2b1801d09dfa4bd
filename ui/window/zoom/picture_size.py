"""How large a window makes the place for the guest's picture, as long as its user did not say so: pure numbers."""

# Text of 80 x 25 characters is this large. On a dense screen, fewer device pixels are too small to be read.
_LEAST_LONG, _LEAST_SHORT = 640, 400


def picture_size(
    seen: tuple[int, int], room: tuple[int, int], ratio: float, percent: int | None = None
) -> tuple[int, int]:
    """Width and height for a picture of ``seen`` guest pixels as they are rotated, in device-independent pixels.

    The picture fills the place: one to one, or by the smallest whole factor that makes it large enough to be read, or
    as large as the room allows. With ``percent`` device pixels per guest pixel in percent it is that large, and the
    room cuts it off. ``room`` has device-independent pixels, of ``ratio`` device pixels each.
    """
    width, height = seen
    if percent is not None:
        scale = percent / 100 / ratio
        return max(1, min(_up(width * scale), room[0])), max(1, min(_up(height * scale), room[1]))
    factor = 1
    while max(seen) * factor < _LEAST_LONG * ratio or min(seen) * factor < _LEAST_SHORT * ratio:
        factor += 1
    while factor > 1 and not _fits(seen, room, ratio, factor):
        factor -= 1
    if _fits(seen, room, ratio, factor):
        return _up(width * factor / ratio), _up(height * factor / ratio)
    scale = min(room[0] / width, room[1] / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _fits(seen: tuple[int, int], room: tuple[int, int], ratio: float, factor: int) -> bool:
    return all(_up(each * factor / ratio) <= most for each, most in zip(seen, room, strict=True))


def _up(value: float) -> int:
    """The next whole number: a pixel less than the picture needs would blur it."""
    return -int(-value // 1)
