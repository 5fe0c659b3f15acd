"""What is exported of SSH: every event as its format wants it."""

from harness.exported import check, exported
from harness.schemas import Event

from .conftest import Shell


def told(shell: Shell) -> list[Event]:
    return exported(
        shell.gateway,
        "all of it is exported",
        lambda all: {2005, 3002, 4007} <= {event["class_uid"] for event in all}
        and any("got a certificate" in event.get("message", "") for event in all)
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
    gateway.run("ssh", "cert", "web", "--key", str(shell.directory / "key"), token=shell.token)
    held = shell.run("cat payouts", resource="web,review=refuse")
    review = held.stderr.decode().split("review: ")[1].split()[0]
    gateway.run("reviews", "approve", review, token=gateway.token("dana"))
    assert shell.run("cat payouts", resource="web,review=refuse").returncode == 0
    found = told(shell)
    classes = check(gateway, found)
    certified = [event for event in found if "got a certificate for alice" in event["message"]]
    assert certified and certified[0]["service"] == {"name": "certificate authority"}
    assert "certificate-issued" in (gateway.directory / "ecs.log").read_text()
    assert {2005, 3002, 4007, 6002} <= set(classes), classes
