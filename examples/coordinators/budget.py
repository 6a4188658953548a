"""A submission hook: each team may submit so many large runs, and the rest of them wait longer.

Asked in lines of JSON on standard input, it answers each with one line on standard output. What it
writes to standard error goes to the log of the daemon. It ends when its input does.
"""

import json
import sys
from collections import Counter

BUDGET = 2

large_runs = Counter()


def judge(run):
    """Returns what is to become of a run: tags to set, or the reason of a refusal."""
    tags = run["tags"]
    if tags.get("size") != "large":
        return {}
    if "team" not in tags:
        return {"reject": "a large run needs the tag team"}
    large_runs[tags["team"]] += 1
    if large_runs[tags["team"]] <= BUDGET:
        return {"tags": {"budget": "within"}}
    return {"tags": {"budget": "beyond", "dagster/priority": "-10"}}


for line in sys.stdin:
    run = json.loads(line)
    print(json.dumps({"id": run["id"], **judge(run)}), flush=True)
