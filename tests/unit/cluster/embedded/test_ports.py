from __future__ import annotations

import dataclasses
import os
import socket

import pytest

from cloche_cluster.embedded import ports
from cloche_cluster.embedded.settings import Ports
from cloche_cluster.errors import ClusterError

NOBODYS = Ports(**{field.name: 0 for field in dataclasses.fields(Ports)})
"""Port 0, on which nothing can listen."""


def test_the_error_for_a_taken_port_names_its_holder() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        wanted = dataclasses.replace(NOBODYS, controller_manager=port)
        with pytest.raises(
            ClusterError, match=rf"port {port} .*controller manager.* {os.getpid()}"
        ):
            ports.check_free(wanted)
        assert ports.foreign_holder(port, {os.getpid()}) is None
    assert ports.foreign_holder(port, ()) is None
