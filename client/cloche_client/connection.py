"""What both transports send and how they describe failures."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from cloche_client.errors import ConnectionFailedError, SettingsError
from cloche_client.version import __version__

if TYPE_CHECKING:
    from cloche_client.settings import Settings

CONNECT_SECONDS = 10.0


def common(settings: Settings) -> dict[str, str]:
    """Return the headers of all requests."""
    headers = {"User-Agent": f"cloche-client/{__version__}", "Accept": "application/json"}
    if settings.api_key is not None:
        headers["X-API-Key"] = settings.api_key
    return headers


def tls(settings: Settings) -> ssl.SSLContext:
    """Return the certificates to trust. Raises SettingsError if `ca_file` cannot be used."""
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"The certificates of {settings.ca_file} cannot be read: {error.strerror or error}. "
            "ca_file must be a file in PEM."
        ) from None


def unreachable(url: str, error: Exception) -> ConnectionFailedError:
    """Return the error for a connection that could not be made."""
    cause = getattr(error, "verify_message", None)
    if isinstance(error, ssl.SSLCertVerificationError):
        text = (
            f"The certificate of {url} is not trusted: {cause}. If its authority is your own, set "
            "CLOCHE_CA_FILE to its certificate."
        )
    elif isinstance(error, ssl.SSLError):
        text = f"{url} does not speak TLS as expected: {error.reason}. Is it http instead of https?"
    elif isinstance(error, TimeoutError):
        text = f"{url} does not answer within {CONNECT_SECONDS:g} s. Is the network reachable?"
    else:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        text = f"{url} cannot be reached: {why}. Is the URL right, and is the gateway running?"
    return ConnectionFailedError(text, sent=False)


def silent(url: str, seconds: float) -> ConnectionFailedError:
    """Return the error for an answer that did not come in time."""
    return ConnectionFailedError(f"{url} sent nothing for {seconds:g} s.", sent=True)


def broken(url: str, error: Exception) -> ConnectionFailedError:
    """Return the error for a connection that broke before the end of the answer."""
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return ConnectionFailedError(f"The connection to {url} broke: {why}.", sent=True)
