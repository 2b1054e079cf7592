"""Programs that use sockets on localhost, under a real supervisor."""

from __future__ import annotations

import errno
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from support.fixtures.supervisor import (
    NAMESPACE,
    NETWORK,
    PYTHON,
    UNPRIVILEGED,
    Result,
    Supervisors,
    frame_of,
)

from cloche_supervisor.localhost import held

NO_NETWORK = ["unshare", "--net"]


def run(supervisors: Supervisors, code: str, *network: str) -> Result:
    """Run Python code as in a Pod."""
    peer = supervisors.start(*(network or NETWORK), *NAMESPACE, *UNPRIVILEGED)
    return peer.run(frame_of([PYTHON, "-I", "-S", "-c", code]))


def ready(result: Result) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(result.lines[0])
    return event


def printed(result: Result) -> list[str]:
    assert result.stderr == ""
    return result.stdout.splitlines()


def test_a_server_and_a_client_of_both_protocols_reach_each_other(
    supervisors: Supervisors,
) -> None:
    code = """if True:
        import socket
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            server = socket.create_server((host, 0), family=family)
            client = socket.create_connection(server.getsockname()[:2])
            peer, place = server.accept()
            peer.sendall(b"hello")
            peer.close()
            print(place[0], client.recv(10), client.recv(10))
    """
    result = run(supervisors, code)
    assert printed(result) == ["127.0.0.1 b'hello' b''", "::1 b'hello' b''"]
    assert ready(result)["localhost"] == ["127.0.0.1", "::1"]
    assert ready(result)["localhost_problem"] is None


def test_a_server_of_both_protocols_is_reached_through_either(supervisors: Supervisors) -> None:
    code = """if True:
        import socket
        server = socket.create_server(
            ("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0"):
            socket.create_connection((host, server.getsockname()[1])).close()
            print(server.accept()[1][0])
    """
    result = run(supervisors, code)
    assert printed(result)[:2] == ["::ffff:127.0.0.1", "::1"]
    assert len(printed(result)) == 4


def test_a_connection_that_is_refused_can_be_tried_again(supervisors: Supervisors) -> None:
    code = """if True:
        import errno, select, socket
        free = socket.create_server(("127.0.0.1", 0))
        place = free.getsockname()
        free.close()
        client, other = socket.socket(), socket.socket()
        other.setblocking(False)
        print(errno.errorcode[client.connect_ex(place)])
        print(errno.errorcode[other.connect_ex(place)])
        select.select([], [other], [], 5)
        print(errno.errorcode[other.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)])
        server = socket.create_server(place)
        print(client.connect_ex(place), client.connect_ex(place))
    """
    expected = ["ECONNREFUSED", "EINPROGRESS", "ECONNREFUSED", f"0 {errno.EISCONN}"]
    assert printed(run(supervisors, code)) == expected


def test_a_closed_socket_releases_its_port_at_once(supervisors: Supervisors) -> None:
    code = """if True:
        import socket
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            for _ in range(3):
                bound = socket.socket(type=kind)
                bound.bind(("127.0.0.1", 7777))
                try: socket.socket(type=kind).bind(("127.0.0.1", 7777))
                except OSError as error: print(error.strerror)
                bound.close()
    """
    assert printed(run(supervisors, code)) == ["Address already in use"] * 6


def test_a_full_backlog_delays_only_the_connection_itself(supervisors: Supervisors) -> None:
    code = """if True:
        import os, socket, threading
        server = socket.create_server(("127.0.0.1", 0), backlog=0)
        made = []
        def connect():
            made.append(socket.create_connection(server.getsockname()))
        for _ in range(3): threading.Thread(target=connect, daemon=True).start()
        other = socket.create_server(("127.0.0.1", 0))
        socket.create_connection(other.getsockname())
        while not made: pass
        server.accept()
        server.accept()
        while len(made) < 2: pass
        print("connected", flush=True)
        os._exit(0)
    """
    assert printed(run(supervisors, code)) == ["connected"]


def test_datagrams_are_sent_and_received(supervisors: Supervisors) -> None:
    code = """if True:
        import socket
        for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
            server = socket.socket(family, socket.SOCK_DGRAM)
            server.settimeout(5)
            server.bind((host, 0))
            place = server.getsockname()
            client = socket.socket(family, socket.SOCK_DGRAM)
            client.settimeout(5)
            client.sendto(b"one", place)
            data, back = server.recvfrom(10)
            server.sendto(data[::-1], back)
            print(client.recvfrom(10)[0], end=" ")
            client.sendmsg([b"t", b"wo"], [], 0, place)
            print(server.recv(10), end=" ")
            other = socket.socket(family, socket.SOCK_DGRAM)
            other.connect(place)
            other.send(b"three")
            print(server.recv(10))
    """
    assert printed(run(supervisors, code)) == ["b'eno' b'two' b'three'"] * 2


def test_unix_sockets_work_beside_ipv4(supervisors: Supervisors) -> None:
    code = """if True:
        import os, socket
        tcp = socket.create_server(("127.0.0.1", 0))
        path = os.environ["TMPDIR"] + "/unix"
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen()
        client = socket.socket(socket.AF_UNIX)
        client.connect(path)
        peer, _ = server.accept()
        socket.send_fds(client, [b"x"], [tcp.fileno()])
        _, (fd,), _, _ = socket.recv_fds(peer, 1, 1)
        again = socket.socket(fileno=fd)
        socket.create_connection(again.getsockname())
        print(again.accept()[1][0])
    """
    assert printed(run(supervisors, code)) == ["127.0.0.1"]


def test_names_are_resolved_without_waiting(supervisors: Supervisors) -> None:
    code = """if True:
        import socket, time
        start = time.monotonic()
        print(sorted({found[4][0] for found in socket.getaddrinfo("localhost", 80)})[0])
        print(time.monotonic() - start < 2)
    """
    assert printed(run(supervisors, code)) == ["127.0.0.1", "True"]


def test_without_a_loopback_interface_programs_get_no_sockets(supervisors: Supervisors) -> None:
    code = """if True:
        import socket
        for family in (socket.AF_INET, socket.AF_INET6):
            try: socket.socket(family)
            except OSError as error: print(error.strerror)
    """
    result = run(supervisors, code, *NO_NETWORK)
    assert printed(result) == ["Permission denied"] * 2
    assert ready(result)["localhost"] == []
    assert "Network is down" in ready(result)["localhost_problem"]


def test_without_ipv6_programs_use_ipv4(supervisors: Supervisors) -> None:
    without = "echo 1 > /proc/sys/net/ipv6/conf/lo/disable_ipv6; "
    network = [*NETWORK[:4], without + NETWORK[4], "sh"]
    code = """if True:
        import errno, socket
        try: socket.socket(socket.AF_INET6)
        except OSError as error: print(errno.errorcode[error.errno])
        server = socket.create_server(("127.0.0.1", 0))
        socket.create_connection(server.getsockname())
    """
    result = run(supervisors, code, *network)
    assert printed(result) == ["EAFNOSUPPORT"]
    assert ready(result)["localhost"] == ["127.0.0.1"]
    assert "::1" in ready(result)["localhost_problem"]


def test_a_reused_pod_keeps_no_socket_of_the_previous_program(supervisors: Supervisors) -> None:
    code = """if True:
        import os, socket
        server = socket.socket()
        server.bind(("127.0.0.1", 7777))  # also where a connection was closed a moment ago
        server.listen()
        udp = socket.socket(type=socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 7777))
        client = socket.create_connection(("127.0.0.1", 7777))
        server.accept()[0].close()
        if os.fork() == 0:
            os.setsid()
            while True: udp.recv(1)
        print("served")
    """
    reused = supervisors.reused(*NETWORK)
    for _ in range(3):
        assert printed(reused.python(code)) == ["served"]
    assert reused.end().code == 0


def test_the_supervisor_holds_a_limited_number_of_sockets(supervisors: Supervisors) -> None:
    code = """if True:
        import socket
        kept = [socket.socket(type=1 + n % 2) for n in range(400)]
        for _ in range(1000): socket.socket().close()
    """
    reused = supervisors.reused(*NETWORK)
    own = Path(f"/proc/{reused.pid}/fd")
    before = len(list(own.iterdir()))
    reused.python(code)
    assert len(list(own.iterdir())) <= before
    most = held.MOST_HELD
    sockets = held.Sockets()
    for _ in range(most + 100):
        sockets.make(socket.AF_INET, socket.SOCK_STREAM)
    mine = Path("/proc/self/fd")
    assert len(list(mine.iterdir())) < most + 50
    sockets.clear()


def test_a_program_can_make_a_limited_number_of_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "MOST_MADE", 3)
    sockets = held.Sockets()
    for _ in range(3):
        sockets.make(socket.AF_INET, socket.SOCK_STREAM)
    with pytest.raises(OSError, match="Too many open files in system"):
        sockets.make(socket.AF_INET, socket.SOCK_STREAM)
    sockets.clear()
    sockets.make(socket.AF_INET, socket.SOCK_DGRAM)
    sockets.clear()
