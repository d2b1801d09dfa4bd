"""A second kind of frame source, which pushes frames. It proves that window and commands do not depend on VFIO."""
