"""Run the cells of a session in one interpreter (docs/design/protocol.md, Cells)."""

from cloche_cells import Cells

Cells().serve()
