"""Where a cursor is whose driver does not tell on which side of the picture's left or upper edge.

GVT-g reports positions without their sign: a cursor image that begins 5 pixels left of the picture comes as 5
(intel_vgpu_decode_cursor_plane() in drivers/gpu/drm/i915/gvt/fb_decoder.c of Linux 6.1 masks the magnitude and drops
CURSOR_X_SIGN). Who sent the guest's pointer to a pixel knows more: that pixel is the cursor's hot spot, which is in the
image. So the image begins at most its width left of that pixel, and never right of it.
"""

# A guest rounds the tablet's position to its pixels.
_SLACK = 1


def agrees(position: int, extent: int, sent: int) -> bool:
    """Whether an image of ``extent`` pixels that begins at ``position`` can have its hot spot at pixel ``sent``.

    For one axis. The first pixel is the end of the tablet's axis, which no guest rounds.
    """
    slack = _SLACK if sent > 0 else 0
    return sent - extent - slack < position <= sent + slack


class SignedAxis:
    """Finds the sign of the positions on one axis. The hot spot, if the driver tells none, is learnt on the way."""

    def __init__(self) -> None:
        self._hot: int | None = None

    def forget(self) -> None:
        """The cursor has another image now."""
        self._hot = None

    def place(self, reported: int, extent: int, hot: int | None, sent: int, *, settled: bool) -> int:
        """``reported`` or its negative, whichever agrees with the pixel ``sent``; ``reported`` if that is not certain.

        ``extent`` is the image's width or height, ``hot`` its hot spot on this axis. ``settled``: the pointer was sent
        there so long ago that the guest has moved its cursor. All are pixels.
        """
        if not 0 < reported < extent:
            # An image that begins its whole extent or more beyond the edge would not be seen.
            if settled and reported >= 0:
                self._learn(reported, extent, sent)
            return reported
        hot = self._hot if hot is None else hot
        if hot is not None:
            right, left = abs(sent - hot - reported), abs(sent - hot + reported)
            # The cursor may still be on its way, but not far from where it will be. One that is far away was not moved
            # by who sent the pointer.
            return -reported if left < right and left <= extent // 4 else reported
        if not settled or not agrees(-reported, extent, sent):
            if settled:
                self._learn(reported, extent, sent)
            return reported
        return reported if agrees(reported, extent, sent) else -reported

    def _learn(self, reported: int, extent: int, sent: int) -> None:
        if 0 <= sent - reported < extent:
            self._hot = sent - reported
