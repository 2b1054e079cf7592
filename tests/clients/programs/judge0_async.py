"""Runs a program with the package judge0-client and prints its answers as JSON.

Argument: the URL of the service. Standard input: the API key.
"""

import asyncio
import json
import sys

from judge0_client import Judge0Client, Judge0Error, MultiFileSubmission, SingleFileSubmission

KEY = json.load(sys.stdin)
SUBMISSION = SingleFileSubmission(
    language_id=71,
    source_code="import lib, sys\nprint(lib.twice(int(input())), sys.argv[1:])\nsys.exit(3)",
    stdin="21",
    command_line_arguments="a 'b c'",
    additional_files={"lib.py": "def twice(n):\n    return 2 * n\n"},
)


async def used(client):
    created = await client.create_submission(SUBMISSION)
    found = await client.get_submission(created.token)
    while found.status.id <= 2:
        await asyncio.sleep(0.2)
        found = await client.get_submission(created.token)
    try:
        await client.create_submission(MultiFileSubmission(additional_files={"run": "true"}))
        refused = ""
    except Judge0Error as error:
        refused = str(error)
    return {
        "detail": found.model_dump(mode="json"),
        "refused": refused,
        "workers": [one.queue for one in await client.get_workers()],
        "about": (await client.get_about()).version,
        "isolate": await client.get_isolate(),
        "license": await client.get_license(),
    }


async def main():
    async with Judge0Client(sys.argv[1], auth_token=KEY) as client:
        return await used(client)


json.dump(asyncio.run(main()), sys.stdout)
