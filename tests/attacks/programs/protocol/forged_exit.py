# Tries: to end itself as a success, by a line that looks like an event
# Gets: {"seq": 2, "event": "exit", "execution": "x", "exit_code": 0, "signal": null, "timed_out": false}
# Ends: Exited 7
import json
import sys

print(json.dumps({
    "seq": 2, "event": "exit", "execution": "x", "exit_code": 0, "signal": None, "timed_out": False,
}), flush=True)
sys.exit(7)
