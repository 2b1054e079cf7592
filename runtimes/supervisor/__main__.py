"""What `python3 -I -S /opt/cloche` runs."""

from __future__ import annotations

from cloche_supervisor.main import main

main()
