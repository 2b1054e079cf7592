"""Routes that describe the service: languages, statuses, version, limits."""

from __future__ import annotations

from typing import Any

from starlette.responses import PlainTextResponse, Response

from cloche_api import limits
from cloche_gateway.dialects.judge0 import languages
from cloche_gateway.dialects.judge0.bodies import BATCH_MAX
from cloche_gateway.dialects.judge0.dialect import Reading  # noqa: TC001  FastAPI reads it
from cloche_gateway.dialects.judge0.refusals import RefusedError
from cloche_gateway.dialects.judge0.values import FLAGS, PER_PROCESS, RANGES
from cloche_gateway.dialects.judge0.verdict import DESCRIPTIONS
from cloche_gateway.http.request import JsonResponse

VERSION = "1.13.1"
"""The version of Judge0 whose contract this is. Clients choose ids of languages by it."""
_ABOUT = {
    "version": VERSION,
    "homepage": "https://judge0.com",
    "source_code": "https://github.com/judge0/judge0",
    "maintainer": "Cloche, which serves the API of Judge0",
}
_ID_DIGITS = 9


async def home(_: Reading) -> Response:
    """Return nothing, as the home page of Judge0."""
    return Response()


async def listed(call: Reading) -> Response:
    """Return the languages."""
    found = languages.installed(call.context.languages)
    return JsonResponse([one.shown() for one in found])


async def listed_all(call: Reading) -> Response:
    """Return the languages, with whether they are archived. None is."""
    found = languages.installed(call.context.languages)
    return JsonResponse([one.shown(archived=True) for one in found])


async def language(call: Reading, number: str) -> Response:
    """Return a language."""
    known = number.isascii() and number.isdigit() and len(number) <= _ID_DIGITS
    found = languages.find(call.context.languages, int(number)) if known else None
    if found is None:
        raise RefusedError(404, "Not Found")
    return JsonResponse(found.details())


async def statuses(_: Reading) -> Response:
    """Return all statuses."""
    found = [{"id": int(one), "description": text} for one, text in DESCRIPTIONS.items()]
    return JsonResponse(found)


async def about(_: Reading) -> Response:
    """Return whose API this is."""
    return JsonResponse(_ABOUT)


async def version(_: Reading) -> Response:
    """Return the version as text."""
    return PlainTextResponse(VERSION)


async def license_text(_: Reading) -> Response:
    """Return the license of Cloche."""
    return PlainTextResponse("Apache-2.0\n")


async def isolate(_: Reading) -> Response:
    """Return what isolates programs."""
    return PlainTextResponse("Cloche runs each program in a Pod.\n")


async def nothing(_: Reading) -> Response:
    """Return no figures: those of the machine and of other tenants are not for clients."""
    return JsonResponse({})


async def workers(call: Reading) -> Response:
    """Return the Pods of all languages as the workers of one queue."""
    pools = call.context.languages.pools.values()
    ready, claimed = (sum(pool[name] for pool in pools) for name in ("ready", "claimed"))
    queue = {
        "queue": VERSION,
        "size": 0,
        "available": ready + claimed,
        "idle": ready,
        "working": claimed,
        "paused": 0,
        "failed": 0,
    }
    return JsonResponse([queue])


async def limits_of_all(_: Reading) -> Response:
    """Return the configuration: what is allowed, with defaults and maxima."""
    return JsonResponse(_CONFIGURATION)


async def authenticated(_: Reading) -> Response:
    """Confirm the API key."""
    return Response()


async def unauthorized(_: Reading) -> Response:
    """Refuse what requires the token of an administrator, which does not exist."""
    return Response(status_code=403)


def _configuration() -> dict[str, Any]:
    numbers: dict[str, float] = {}
    for name, allowed in RANGES.items():
        numbers[name] = allowed.default
        numbers[f"max_{name}"] = allowed.most
    return {
        "maintenance_mode": False,
        "enable_wait_result": True,
        "enable_compiler_options": True,
        "allowed_languages_for_compile_options": [],
        "enable_command_line_arguments": True,
        "enable_submission_delete": False,
        "enable_callbacks": False,
        "callbacks_max_tries": 0,
        "callbacks_timeout": 0.0,
        "enable_additional_files": True,
        "max_queue_size": 1000,
        **numbers,
        **FLAGS,
        **{f"allow_{name}": False for name in PER_PROCESS},
        "max_extract_size": limits.FILES_BYTES // limits.KIB,
        "enable_batched_submissions": True,
        "max_submission_batch_size": BATCH_MAX,
        "submission_cache_duration": 0.2,
        "use_docs_as_homepage": False,
        "allow_enable_network": False,
        "disable_implicit_base64_encoding": True,
    }


_CONFIGURATION = _configuration()
