"""The places of an installation: where the file of settings and the data folder are if no setting names others.

In a checkout both lie beside the Makefile, whichever folder a command is called from. A package (of pipx or uv) is
installed anew with each version, so its files lie in the home of the user, where the XDG base directory specification
puts them.
"""

import os
from pathlib import Path

#: The folder of the packages: a checkout, or the `site-packages` of an environment.
ROOT = Path(__file__).parent.parent


def is_checkout() -> bool:
    """Whether this is a checkout, and not an installed package or a container."""
    return (ROOT / "Makefile").is_file()


def find_settings_file() -> Path:
    """Return the path of the file of settings; there may be none."""
    return ROOT / "loci.env" if is_checkout() else _find_base("XDG_CONFIG_HOME", ".config") / "loci" / "loci.env"


def find_data_folder() -> Path:
    """Return the path of the data folder; it may not exist yet."""
    return ROOT / "data" if is_checkout() else _find_base("XDG_DATA_HOME", ".local/share") / "loci"


def _find_base(variable: str, usual: str) -> Path:
    """Return a base folder of the user. The specification says that a relative path in the variable does not count."""
    given = Path(os.environ.get(variable, ""))
    if given.is_absolute():
        return given
    try:
        return Path.home() / usual
    except RuntimeError:  # a user without a home, as some containers have; the settings name the folders there
        return Path.cwd() / usual
