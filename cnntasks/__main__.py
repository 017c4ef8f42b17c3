"""`python -m cnntasks`: the command line."""

from __future__ import annotations

import sys

from cnntasks.cli.root import main

if __name__ == "__main__":
    sys.exit(main())
