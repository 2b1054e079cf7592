"""The objects that live as long as the supervisor."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.localhost.service import Localhost
    from cloche_supervisor.protocol.events import Events
    from cloche_supervisor.settings import Settings
    from cloche_supervisor.system.cgroup import Cgroup
    from cloche_supervisor.system.processes import Processes
    from cloche_supervisor.system.signals import Signals


class Context:
    """What all executions of this supervisor share."""

    def __init__(  # noqa: PLR0913, PLR0917 - one for each object
        self,
        settings: Settings,
        signals: Signals,
        events: Events,
        processes: Processes,
        cgroup: Cgroup,
        localhost: Localhost,
    ) -> None:
        self.settings = settings
        self.signals = signals
        self.events = events
        self.processes = processes
        self.cgroup = cgroup
        self.localhost = localhost
