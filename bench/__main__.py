"""`python bench [N]`: every benchmark, one after another."""

from __future__ import annotations

from cold import main

main()
