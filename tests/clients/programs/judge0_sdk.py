"""Runs submissions with Judge0's own package and prints their attributes as JSON.

Argument: the URL of the service. Standard input: the API key as `key`, and `submissions`, each with
the arguments of `judge0.Submission`, `language` as the name of an alias or as a number, and `files`.
"""

import json
import sys

import judge0

SHOWN = (
    "status", "stdout", "stderr", "compile_output", "message", "time", "wall_time", "memory",
    "exit_code", "exit_signal", "expected_output", "source_code", "created_at", "finished_at",
)

given = json.load(sys.stdin)
client = judge0.Client(sys.argv[1], headers={"X-Auth-Token": given["key"]})
submissions = []
for case in given["submissions"]:
    language, files = case.pop("language"), case.pop("files", None)
    if isinstance(language, str):
        language = getattr(judge0, language)
    if files:
        found = [judge0.File(name=name, content=content) for name, content in files.items()]
        case["additional_files"] = judge0.Filesystem(content=found)
    submissions.append(judge0.Submission(language=language, **case))
retry = judge0.RegularPeriodRetry(0.3)
client.retry_strategy = retry
done = judge0.run(client=client, submissions=submissions)
answers = [{name: getattr(one, name) for name in SHOWN} for one in done]
about = {
    "version": client.version,
    "languages": [one.id for one in client.languages],
    "statuses": len(client.get_statuses()),
}
json.dump({"about": about, "answers": answers}, sys.stdout, default=str)
