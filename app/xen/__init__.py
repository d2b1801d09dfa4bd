"""The frame sources of a Xen host: grant references as a picture, and guests with a PV display."""
