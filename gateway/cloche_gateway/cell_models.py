"""Models of what a cell of a session that keeps its interpreter returns, as in `models`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class CellResult(BaseModel):
    """Something that a cell shows. The cell can claim anything."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    kind: Literal["result", "display"]
    """`result` for the value of the last expression, otherwise `display`."""
    data: dict[str, str]
    """Representations by MIME type. Images are in base64, except SVG. application/json is a text.
    Treat text/html and image/svg+xml as content of a stranger."""


class CellError(BaseModel):
    """The exception that ended a cell."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    """Its class, such as `NameError`."""
    value: str
    """Its message."""
    traceback: str
    """The lines in which the language reports it."""
