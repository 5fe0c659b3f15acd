"""What is exported of SSH: every event as its format wants it."""

import pytest
from harness.exported import check, exported
from harness.schemas import Event, ocsf_problems

from .conftest import Shell

# In network activity `actor` belongs to the profile `host`, which events do not name.
OF_NO_PROFILE = "4007 $: Additional properties are not allowed ('actor' was unexpected)"

def told(shell: Shell) -> list[Event]:
    return exported(
        shell.gateway,
        "all of it is exported",
        lambda all: {2005, 3002, 4007} <= {event["class_uid"] for event in all}
        and {1, 2} <= {event["status_id"] for event in all if event["class_uid"] == 4007},
    )


def test_every_event_of_ssh_is_valid(shell: Shell) -> None:
    gateway = shell.gateway
    shell.sshd.put("told", "ann@example.org\n")
    shell.sshd.put("payouts", "100\n")
    assert shell.run("cat told").returncode == 0
    assert shell.run("cat nothing-here").returncode == 1
    assert shell.run("cat vault/key; rm -rf told").returncode != 0
    assert shell.run("true", token="no token").returncode != 0
    held = shell.run("cat payouts", resource="web,review=refuse")
    review = held.stderr.decode().split("review: ")[1].split()[0]
    gateway.run("reviews", "approve", review, token=gateway.token("dana"))
    assert shell.run("cat payouts", resource="web,review=refuse").returncode == 0
    found = told(shell)
    classes = check(gateway, found, {OF_NO_PROFILE})
    assert {2005, 3002, 4007, 6002} <= set(classes), classes


@pytest.mark.xfail(
    reason="`metadata.profiles` lacks `host` in SSH Activity", strict=True, raises=AssertionError
)
def test_an_event_of_ssh_names_the_profile_of_its_actor(shell: Shell) -> None:
    for command, token in (("true", None), ("cat vault/key", None), ("true", "no token")):
        shell.run(command, token=token)
    assert not [event for event in told(shell) if OF_NO_PROFILE in ocsf_problems(event)]
