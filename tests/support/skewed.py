"""`python -m support.skewed SECONDS MODULE`: run a module with a wrong system clock.

Only the wall clock is ahead by SECONDS; the monotonic clock is unchanged.
"""

from __future__ import annotations

import datetime as dt
import runpy
import sys
import time
from datetime import datetime

_time = time.time


class _Instances(type):
    """A type of which every ordinary datetime is an instance."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


def main() -> None:
    """Set the clock of this process and run the module."""
    seconds = float(sys.argv[1])

    class Skewed(datetime, metaclass=_Instances):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + dt.timedelta(seconds=seconds)

    dt.datetime = Skewed  # type: ignore[misc]  # for every module that is imported from here on
    time.time = lambda: _time() + seconds
    runpy.run_module(sys.argv[2], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
