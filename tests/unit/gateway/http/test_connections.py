"""The order in which idle connections are ended when the server is full."""

from __future__ import annotations

from cloche_gateway.http.connections import Idle


class Connection:
    def __init__(self, name: str, ended: list[str]) -> None:
        self.name = name
        self._ended = ended

    def end(self) -> None:
        self._ended.append(self.name)


def test_idle_connections_without_a_key_end_first_and_the_longest_idle_first() -> None:
    ended = list[str]()
    now = [0.0]
    idle = Idle(lambda: now[0])
    one, two, three, four, new = (Connection(name, ended) for name in ("1", "2", "3", "4", "new"))
    idle.add(one, known=True)
    idle.add(two, known=False)
    idle.add(three, known=False)
    idle.add(four, known=True)
    now[0] = 2.0
    idle.add(one, known=True)  # another request was answered on it in the meantime
    idle.add(new, known=False)
    assert len(idle) == 5
    assert [idle.end_one() for _ in range(6)] == [True] * 5 + [False]
    assert ended == ["2", "3", "4", "1", "new"]


def test_a_busy_connection_is_not_ended_as_idle() -> None:
    ended = list[str]()
    idle = Idle()
    busy = Connection("busy", ended)
    idle.add(busy, known=False)
    idle.remove(busy)
    assert not idle.end_one()
    assert ended == []
