"""The start of a client: the credentials, which `kubernetes.aio` finds, and the connection pool."""

from __future__ import annotations

import os
import ssl

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from cloche_kube.errors import NoClusterError

_READ_BYTES = 2**21
"""Read buffer of a response."""


async def configuration(kubeconfig: str | None = None) -> Configuration:
    """Return the address and the credentials of the Pod's service account or of $KUBECONFIG.

    `kubeconfig`: a file that takes precedence over both.

    Raises:
        NoClusterError: there is neither.
    """
    found = Configuration()
    in_cluster = "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ
    try:
        if in_cluster and kubeconfig is None:
            config.load_incluster_config(found)
        else:
            await config.load_kube_config(kubeconfig, client_configuration=found)
    except (config.ConfigException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise NoClusterError(f"no access to a Kubernetes cluster: {reason}") from error
    return found


def pool(of: Configuration) -> aiohttp.ClientSession:
    """Return a connection pool with the TLS settings of a service account or a kubeconfig."""
    tls = ssl.create_default_context(cafile=of.ssl_ca_cert, cadata=of.ca_cert_data)
    if of.cert_file:
        tls.load_cert_chain(of.cert_file, of.key_file)
    if not of.verify_ssl:  # insecure-skip-tls-verify
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    if of.disable_strict_ssl_verification:
        tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    # Without a limit, because the 101st attach would wait forever in a pool of 100. Without
    # `trust_env`, because looking for a proxy and a .netrc takes two hops to a thread in each call.
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=tls), read_bufsize=_READ_BYTES
    )
