"""The coefficients of YCbCr to RGB in limited range. No other module has them.

Sources: ITU-R BT.601-7 and BT.709-6, section 3 (luma weights) and section 3.4 (8-bit quantisation: luma 16 to 235,
chroma 16 to 240 around 128). The software decoder, the encoder of the simulated guest and the shader use these.
"""

from enum import Enum

LUMA_OFFSET = 16
LUMA_RANGE = 219
CHROMA_OFFSET = 128
CHROMA_RANGE = 224

# Subtract this from a sample (Y, Cb, Cr) in 0..1 before the matrix of `rgb_from_yuv` is applied.
SAMPLE_OFFSET = (LUMA_OFFSET / 255, CHROMA_OFFSET / 255, CHROMA_OFFSET / 255)


class Matrix(Enum):
    """The weights of the luma: Kr and Kb."""

    BT601 = (0.299, 0.114)
    BT709 = (0.2126, 0.0722)

    def __init__(self, kr: float, kb: float) -> None:
        self.kr = kr
        self.kb = kb
        self.kg = 1.0 - kr - kb

    @property
    def label(self) -> str:
        """The name that users type: "bt601"."""
        return self.name.lower()


# One row per output channel R, G, B; one column per input Y, Cb, Cr.
Rows = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


def rgb_from_yuv(matrix: Matrix) -> Rows:
    """The matrix from ``sample - SAMPLE_OFFSET`` to RGB in 0..1. Samples are in 0..1, as a texture returns them."""
    luma = 255 / LUMA_RANGE
    chroma = 255 / CHROMA_RANGE
    red_cr = 2 * (1 - matrix.kr) * chroma
    blue_cb = 2 * (1 - matrix.kb) * chroma
    return (
        (luma, 0.0, red_cr),
        (luma, -blue_cb * matrix.kb / matrix.kg, -red_cr * matrix.kr / matrix.kg),
        (luma, blue_cb, 0.0),
    )
