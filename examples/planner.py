"""A planner: an agent that works for a person and hands a task to a subagent.

It never talks to the database. It holds a token that says `alice → planner`, asks the
gateway for one that says `alice → planner → sql-agent`, and gives that to the subagent.
The subagent can never do more than alice and planner both may.

    PORTREEVE_TOKEN=$(portreeve token issue alice --act planner --may-act sql-agent) \
        python planner.py

The token says who may be next (`may_act`); without it the subagent would have to take part
with a key of its own (`actor_token`).
"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

SUBAGENT = "sql-agent"


def token_for(actor: str) -> str:
    """Exchanges our own token for one that names `actor` as the next in the chain."""
    api = os.environ.get("PORTREEVE_API", "http://127.0.0.1:8440")
    request = urllib.request.Request(
        f"{api}/v1/token/exchange",
        data=json.dumps({"actor": actor}).encode(),
        headers={
            "authorization": f"Bearer {os.environ['PORTREEVE_TOKEN']}",
            "content-type": "application/json",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["access_token"]
    except urllib.error.HTTPError as error:
        sys.exit(f"planner: the gateway says no: {error.read().decode()}")


def main() -> None:
    task = " ".join(sys.argv[1:]) or "who are our customers in Porto, and how can we reach them?"
    print(f"planner: the task is: {task}")
    token = token_for(SUBAGENT)
    print(f"planner: I have a token for {SUBAGENT} and hand the task over")
    # The token goes through the environment, not the command line, where others could see it.
    environment = {key: value for key, value in os.environ.items() if key != "PORTREEVE_TOKEN"}
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("subagent.py"), task],
        env=environment | {"PGPASSWORD": token},
    )
    print("planner: done" if done.returncode == 0 else "planner: the subagent could not do it")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
