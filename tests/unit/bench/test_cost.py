"""What an execution costs, from counters before and after."""

from __future__ import annotations

import pytest
from cost import Reading, Span, requests_of, table

METRICS = (
    "# TYPE apiserver_request_total counter",
    'apiserver_request_total{code="201",resource="pods",subresource="",verb="POST"} 3',
    'apiserver_request_total{code="409",resource="pods",subresource="",verb="POST"} 1',
    'apiserver_request_total{resource="executions",subresource="status",verb="PATCH"} 2e+01',
    'apiserver_request_total{resource="",subresource="/healthz",verb="GET"} 5',
    'apiserver_requests_in_flight{verb="POST"} 7',
)


def test_requests_are_counted_by_verb_and_resource() -> None:
    assert requests_of(METRICS) == {
        "POST pods": 4,
        "PATCH executions/status": 20,
        "GET /healthz": 5,
    }


def test_what_the_idle_cluster_uses_is_subtracted() -> None:
    rest = Span(Reading(0, {"etcd": 1.0}, {}), Reading(10, {"etcd": 1.5}, {"GET nodes": 10}))
    busy = Span(
        Reading(20, {"etcd": 2.0}, {"GET nodes": 10, "POST pods": 5}),
        Reading(40, {"etcd": 4.0}, {"GET nodes": 30, "POST pods": 15}),
    )
    cpu, requests = busy.less(rest, 10)
    assert cpu == {"etcd": pytest.approx(100)}
    assert requests == {"GET nodes": pytest.approx(0), "POST pods": pytest.approx(1)}


def test_the_largest_rows_come_first_and_small_ones_are_left_out() -> None:
    columns = {"single use": {"a": 1.0, "b": 20.0, "c": 0.01}, "reuse": {"a": 2.0}}
    assert table("what", columns, digits=1) == [
        "| what | single use | reuse |",
        "|---|---|---|",
        "| b | 20.0 | 0.0 |",
        "| a | 1.0 | 2.0 |",
    ]
