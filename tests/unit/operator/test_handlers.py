from __future__ import annotations

import pytest

from cloche_operator.handlers import api_server_url


@pytest.mark.parametrize(
    ("host", "url"),
    [("10.96.0.1", "https://10.96.0.1:443"), ("fd00::1", "https://[fd00::1]:443")],
)
def test_the_operator_finds_the_api_server_without_dns(host: str, url: str) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"}
    assert api_server_url(environment) == url
