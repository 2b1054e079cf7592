"""Describe the installed languages and their pools of pre-started Pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_api import limits
from cloche_gateway.errors import LanguageNotFoundError, UnsupportedLanguageError
from cloche_gateway.models import PoolState

if TYPE_CHECKING:
    from cloche_gateway.context import Context


def language(context: Context, word: str) -> dict[str, Any]:
    """Return `models.LanguageInfo` of the language with this name or alias.

    Raises:
        LanguageNotFoundError: no installed language has this name or alias.
        BusyError: the runtimes have not been read yet.
    """
    try:
        found = context.languages.find(word)
    except UnsupportedLanguageError as error:
        raise LanguageNotFoundError(str(error)) from None
    _, _, extension = found.file_name.rpartition(".")
    return {
        "language": found.name,
        "version": found.version,
        "aliases": list(found.aliases),
        "docker_image": found.image,
        "file_extension": f".{extension}" if extension != found.file_name else "",
        "max_execution_time": limits.TIMEOUT_SECONDS_MAX,
        "max_memory": f"{found.maximum.memory // limits.MIB}MB",
        "max_cpu": float(found.maximum.cpu),
    }


def pools(context: Context) -> dict[str, Any]:
    """Return `models.PoolState` of each language, by its name.

    Raises:
        BusyError: the runtimes have not been read yet.
    """
    pools = context.languages.pools
    return {
        name: {field: pools[name][field] for field in PoolState.model_fields}
        for name in context.languages.supported()
    }
