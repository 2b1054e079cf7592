"""What the installed languages are, for people who choose one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_api import limits
from cloche_gateway.errors import LanguageNotFoundError, UnsupportedLanguageError
from cloche_gateway.models import PoolState

if TYPE_CHECKING:
    from cloche_gateway.context import Context


def language(context: Context, word: str) -> dict[str, Any]:
    """What `models.LanguageInfo` shows.

    Raises:
        LanguageNotFoundError: there is none of that name or alias.
        BusyError: the runtimes could not be read yet.
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
    """What `models.PoolState` shows, by language.

    Raises:
        BusyError: the runtimes could not be read yet.
    """
    pools = context.languages.pools
    return {
        name: {field: pools[name][field] for field in PoolState.model_fields}
        for name in context.languages.supported()
    }
