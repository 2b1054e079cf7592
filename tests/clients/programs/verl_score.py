"""Judges programs with verl's reward function, and prints results and metadata as JSON.

Argument: the URL of `/run_code`. Standard input: lists of judgements, each with the arguments of
`check_correctness`, or of `compute_score` if it has a `completion`. Those of a list are made at a
time, and one list after the other.

Importing verl's own packages would require all of its dependencies, so they are replaced by empty
ones with the same path.
"""

import json
import sys
import sysconfig
import types
from concurrent.futures import ThreadPoolExecutor

for name in ("verl", "verl.utils", "verl.utils.reward_score"):
    package = types.ModuleType(name)
    package.__path__ = [f"{sysconfig.get_path('purelib')}/{name.replace('.', '/')}"]
    sys.modules[name] = package

from verl.utils.reward_score.sandbox_fusion import compute_score
from verl.utils.reward_score.sandbox_fusion.utils import check_correctness

URL = sys.argv[1]


def judged(case):
    if "completion" in case:
        return compute_score(URL, None, 1024, **case)
    return check_correctness(URL, **case)


found = []
for cases in json.load(sys.stdin):
    with ThreadPoolExecutor(len(cases)) as threads:
        found += threads.map(judged, cases)
json.dump(found, sys.stdout)
