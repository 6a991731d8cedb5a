"""Writes the list of timm's architectures that recipes are checked against when timm is not installed.

python -m measurement.architectures > measurement/architectures.txt
"""

from __future__ import annotations

import sys


def main() -> None:
    """Print the installed timm's architectures, one a line."""
    import timm

    sys.stdout.write("\n".join(sorted(timm.list_models())) + "\n")


if __name__ == "__main__":
    main()
