"""The words that the text after ``sim:`` is made of, for its parser and for a shell's completion. Imports nothing."""

PROFILES = ("gvt", "mbochs", "mdpy")

KEYS = ("format", "modifier", "size", "fps", "buffers", "stride", "matrix", "cursor", "hot", "module", "fault")

# The keys that only one kind of simulated device takes, and that kind.
ONLY = {"modifier": "gvt", "buffers": "gvt", "cursor": "gvt", "module": "mbochs"}

# The values of the keys that have a few.
CHOICES = {
    "modifier": ("LINEAR", "X", "Y", "Yf", "4"),
    "matrix": ("bt601", "bt709"),
    "cursor": ("on", "off"),
    "module": ("mbochs", "mbochs_rw"),
}
