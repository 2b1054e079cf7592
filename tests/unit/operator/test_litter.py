from __future__ import annotations

import gc
import weakref
from typing import cast

from cloche_api.resources.typed_objects import ExecutionDict
from cloche_operator.handlers import Litter


class Circle:
    """Garbage that only a garbage collection finds."""

    def __init__(self) -> None:
        self.me = self


def circle() -> weakref.ref[Circle]:
    return weakref.ref(Circle())


def test_garbage_is_collected_after_a_number_of_bytes() -> None:
    spec = {"code": "x" * 100, "files": [{"content": "y" * 150}]}
    obj = cast("ExecutionDict", {"spec": spec, "n": 1})
    litter = Litter(2000)
    gc.disable()
    try:
        for _ in range(2):
            garbage = circle()
            litter.passed(obj)
            assert garbage() is not None
            litter.passed(obj)
            assert garbage() is None
    finally:
        gc.enable()
