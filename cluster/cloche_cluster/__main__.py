"""Entry point of `python -m cloche_cluster`."""

from __future__ import annotations

import sys

from cloche_cluster.cli import main

sys.exit(main())
