"""What is exported of HTTP: every event as its format wants it."""

from harness.exported import check, exported
from harness.service import Reply

from .conftest import Web


def test_every_event_of_http_is_valid(web: Web) -> None:
    gateway = web.gateway
    web.service.replies |= {
        "/people/7": Reply(b'{"email": "ann@example.org", "full_name": "Ann", "nickname": "A"}'),
        "/payouts": Reply(b'{"ok": true}'),
    }
    assert web.get("/crm/people/7").status == 200
    assert web.ask("PUT", "/crm/people/7", b'{"city": "Essen"}').status == 200
    assert web.get("/crm/admin/keys").status == 403
    assert web.get("/crm/not|there=\\%0a").status in (400, 403, 404)
    assert web.ask("GET", "/crm/people/7", token="no token").status == 401
    held = web.ask("POST", "/crm/payouts", b'{"amount": 5501}')
    assert held.status == 202
    gateway.run("reviews", "approve", held.json()["review"], token=gateway.token("dana"))
    assert web.ask("POST", "/crm/payouts", b'{"amount": 5501}').status == 200

    found = exported(
        gateway,
        "all of it is exported",
        lambda all: {2005, 3002, 6003} <= {event["class_uid"] for event in all}
        and any(event["status_id"] == 2 for event in all if event["class_uid"] == 6003),
    )
    classes = check(gateway, found)
    assert {2005, 3002, 6002, 6003} <= set(classes), classes
