"""Runs programs with the package sandbox-fusion, and prints its answers as JSON.

Argument: the URL of the service. Standard input: a list of requests. One with `many` is sent that
often at a time.
"""

import json
import sys

from sandbox_fusion import RunCodeRequest, run_code, run_concurrent, set_endpoint

set_endpoint(sys.argv[1])
answers = []
for case in json.load(sys.stdin):
    many = case.pop("many", 1)
    requests = [[RunCodeRequest(**case)]] * many
    found = run_concurrent(run_code, requests, concurrency=many)
    answers.append([json.loads(one.json()) for one in found])
json.dump(answers, sys.stdout)
