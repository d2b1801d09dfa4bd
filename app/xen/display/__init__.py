"""The PV display of a guest as frames (vdispl)."""
