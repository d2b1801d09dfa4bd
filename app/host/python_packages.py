"""How to get a Python package that is missing."""

import sys


def install_remedy(package: str, debian: str) -> str:
    """A remedy, for the Python that runs this program.

    ``package`` is the name on PyPI, ``debian`` that of Debian's package. A distribution's own Python refuses pip
    (PEP 668), and an environment does not see the distribution's packages.
    """
    if sys.prefix == sys.base_prefix:
        return f"install the package of your distribution (Debian: {debian})"
    return f"install it with: {sys.executable} -m pip install {package}"
