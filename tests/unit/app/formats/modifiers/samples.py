"""Modifiers for property tests: any 64 bits, and values with each vendor's fields set."""

from hypothesis import strategies as st

from app.formats.modifiers.vendors import vendor_modifiers

ANY = st.integers(0, (1 << 64) - 1)


def of_vendor(vendor: int, value: "st.SearchStrategy[int]") -> "st.SearchStrategy[int]":
    return value.map(lambda each: vendor << 56 | each)


AMD = of_vendor(
    2,
    st.tuples(st.integers(1, 5), st.integers(0, 31), st.integers(0, (1 << 23) - 1)).map(
        lambda parts: parts[0] | parts[1] << 8 | parts[2] << 13
    ),
)
NVIDIA = of_vendor(
    3, st.tuples(st.integers(0, 15), st.integers(0, (1 << 14) - 1)).map(lambda parts: 0x10 | parts[0] | parts[1] << 12)
)
VIVANTE = of_vendor(
    6,
    st.tuples(st.integers(0, 5), st.integers(0, 255)).map(lambda parts: parts[0] | parts[1] << 48),
)
BROADCOM = of_vendor(
    7, st.tuples(st.integers(0, 7), st.integers(0, (1 << 48) - 1)).map(lambda parts: parts[0] | parts[1] << 8)
)
ARM = of_vendor(
    8,
    st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, (1 << 9) - 1)).map(
        lambda parts: parts[0] << 52 | parts[1] | parts[2] << 4
    ),
)
AMLOGIC = of_vendor(10, st.integers(0, (1 << 16) - 1))
MTK = of_vendor(11, st.integers(0, (1 << 20) - 1))
SMALL = st.tuples(st.integers(0, 15), st.integers(0, 32)).map(lambda parts: parts[0] << 56 | parts[1])

NAMED_BY_LIBDRM = st.one_of(st.sampled_from(vendor_modifiers()), NVIDIA, VIVANTE, BROADCOM, ARM, AMLOGIC, SMALL, ANY)
_VALID = st.one_of(NAMED_BY_LIBDRM, AMD, MTK)
# Half of them with one bit more or less, which the vendor may not have defined.
MODIFIERS = st.tuples(_VALID, st.booleans(), st.integers(0, 55)).map(
    lambda parts: parts[0] ^ (1 << parts[2] if parts[1] else 0)
)
