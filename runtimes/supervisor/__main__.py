"""Entry point of `python3 -I -S /opt/cloche`."""

from __future__ import annotations

from cloche_supervisor.main import main

main()
