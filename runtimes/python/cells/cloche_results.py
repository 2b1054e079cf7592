"""What a cell shows: representations of values by MIME type, within the limits of a cell."""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False  # importing typing takes longer than the rest
if TYPE_CHECKING:
    from cloche_channel import Channel

_PLAIN_CHARACTERS = 8192  # of text/plain, if a result has to be cut
_METHODS = (
    ("text/html", "_repr_html_"),
    ("text/markdown", "_repr_markdown_"),
    ("text/latex", "_repr_latex_"),
    ("image/svg+xml", "_repr_svg_"),
    ("image/png", "_repr_png_"),
    ("image/jpeg", "_repr_jpeg_"),
    ("application/json", "_repr_json_"),
)
"""The methods by which an object returns a representation of itself, as in IPython."""


class Results:
    """What the current cell shows. `token` names the cell in its messages."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._process = os.getpid()
        self.token: object = None
        self._entries = self._bytes = 0
        self._figures: list[object] = []
        self.truncated = False

    def begin(self, token: object, entries: int, size: int) -> None:
        """Begin a cell that may show so many results, and so many bytes of JSON."""
        self.token, self._entries, self._bytes, self.truncated = token, entries, size, False

    def end(self) -> None:
        """End the cell. What its threads display later is printed."""
        self.token = None
        self._figures.clear()

    def display(self, *values: object, raw: bool = False) -> None:
        """Show values as results of the cell. `raw`: they are dictionaries by MIME type."""
        for value in values:
            if raw:
                self._send("display", _texts(value))
            else:
                self.show("display", value)

    def show(self, kind: str, value: object) -> None:
        """Send a value as a result."""
        if _is_figure(value):
            self._figures.append(value)
        self._send(kind, bundle(value))

    def show_figure(self, figure: object) -> None:
        """Show a figure that the cell has left open, unless a result has shown it."""
        if not any(shown is figure for shown in self._figures):
            self.show("display", figure)

    def _send(self, kind: str, texts: dict[str, str]) -> None:
        """Send a result, without the representations for which there is no room."""
        if self.token is None or os.getpid() != self._process:
            print(texts.get("text/plain", ""))
            return
        fitting = self._fitting(texts) if self._entries > 0 else {}
        if len(fitting) < len(texts):
            self.truncated = True
        if fitting:
            self._entries -= 1
            flush()
            data = {"kind": kind, "data": fitting}
            self._channel.send({"token": self.token, "result": data})

    def _fitting(self, texts: dict[str, str]) -> dict[str, str]:
        """Take text/plain first, because every client can show it, and then the smallest."""
        kept = {}
        sizes = {mime: len(json.dumps(text)) + len(mime) + 6 for mime, text in texts.items()}
        for mime in sorted(texts, key=lambda mime: (mime != "text/plain", sizes[mime])):
            text, size = texts[mime], sizes[mime]
            if mime == "text/plain" and size > self._bytes:
                text = text[:_PLAIN_CHARACTERS]
                size = len(json.dumps(text)) + len(mime) + 6
                self.truncated = True
            if size <= self._bytes:
                self._bytes -= size
                kept[mime] = text
        return kept


def bundle(value: object) -> dict[str, str]:
    """Return the representations of a value by MIME type. Bytes are base64, other values JSON."""
    found: dict[str, object] = {}
    if not isinstance(value, type):
        rich = getattr(value, "_repr_mimebundle_", None)
        if callable(rich):
            got = _quietly(lambda: rich(include=None, exclude=None))
            got = got[0] if isinstance(got, tuple) and got else got
            found.update(got if isinstance(got, dict) else {})
        for mime, name in _METHODS:
            method = getattr(value, name, None)
            if mime not in found and callable(method):
                found[mime] = _quietly(method)
    if _is_figure(value):
        found["image/png"] = _png(value)
    found.setdefault("text/plain", repr(value))
    return _texts({mime: it for mime, it in found.items() if it is not None})


def _is_figure(value: object) -> bool:
    module = sys.modules.get("matplotlib.figure")
    return module is not None and isinstance(value, module.Figure)


def _texts(found: object) -> dict[str, str]:
    texts = {}
    for mime, value in dict(found).items():  # type: ignore[call-overload]
        if isinstance(value, tuple) and value:
            value = value[0]  # noqa: PLW2901 - the second is metadata
        if isinstance(value, (bytes, bytearray)):
            import base64

            texts[str(mime)] = base64.b64encode(value).decode()
        else:
            texts[str(mime)] = value if isinstance(value, str) else json.dumps(value, default=str)
    return texts


def _quietly(method: object) -> object:
    try:
        return method()  # type: ignore[operator]
    except Exception:  # noqa: BLE001 - a representation that fails is left out, as in IPython
        return None


def _png(figure: object) -> bytes:
    import io

    data = io.BytesIO()
    figure.savefig(data, format="png", bbox_inches="tight")  # type: ignore[attr-defined]
    return data.getvalue()


def flush() -> None:
    """Write what the streams of the cell hold back."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # noqa: BLE001, S112 - a cell may have put anything there
            continue
