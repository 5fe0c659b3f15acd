"""A request that waits for a person: for as long as its client says, and beyond that with an address
to ask at. What was approved runs once, for who asked, as it was asked."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.service import Reply
from harness.waiting import until

from .conftest import Got, Web

OK = Reply(b'{"ok": true}')


def ask(web: Web, amount: int, **fields: str) -> Got:
    web.service.replies["/payouts"] = OK
    return web.ask("POST", "/crm/payouts", b'{"amount": %d}' % amount, **fields)


@pytest.mark.parametrize("prefer", ["", "respond-async", "wait=0", "wait=1", "respond-async, wait=1"])
def test_beyond_its_wait_a_client_hears_where_to_ask(web: Web, prefer: str) -> None:
    amount = 100 + len(prefer)
    count = len(web.service.seen)
    got = ask(web, amount, Prefer=prefer)
    assert got.status == 202 and got.json()["rule"] == "held", got.body
    review = got.json()["review"]
    at = got.fields["location"]
    assert at == f"/.well-known/portreeve/reviews/{review}" and got.fields["retry-after"] == "5"
    said = web.get(at)
    assert (said.status, said.json()["state"], said.fields["retry-after"]) == (200, "pending", "5")
    # Asked again, it is the same review, whoever waits and whoever does not.
    assert ask(web, amount, Prefer="wait=1").json()["review"] == review
    dana = web.gateway.token("dana")
    web.gateway.run("reviews", "approve", review, token=dana)
    said = web.get(at)
    assert said.json()["state"] == "approved" and "retry-after" not in said.fields
    assert len(web.service.seen) == count
    assert ask(web, amount, Prefer=prefer).status == 200
    assert ask(web, amount).json()["review"] != review
    assert [seen.body for seen in web.service.seen[count:]] == [b'{"amount": %d}' % amount]


def test_who_waits_gets_the_answer(web: Web) -> None:
    count = len(web.service.seen)
    dana = web.gateway.token("dana")
    with ThreadPoolExecutor(1) as other:
        waits = other.submit(ask, web, 900, Prefer="wait=60")

        def held() -> str | None:
            for one in web.gateway.json("reviews", "ls", token=dana)["reviews"]:
                if one["state"] == "pending" and '"amount": 900' in str(web.gateway.json("reviews", "show", one["id"], token=dana)):
                    return one["id"]
            return None

        until("a review is open", lambda: held() is not None, 30)
        review = held()
        assert review
        web.gateway.run("reviews", "approve", review, token=dana)
        assert waits.result().status == 200
    assert len(web.service.seen) == count + 1


def test_of_several_who_wait_one_runs_and_the_others_hear_of_it(web: Web) -> None:
    """One approval, one run; who came late for it finds a review of its own."""
    count = len(web.service.seen)
    dana = web.gateway.token("dana")
    review = ask(web, 901).json()["review"]
    with ThreadPoolExecutor(4) as others:
        waits = [others.submit(ask, web, 901, Prefer="wait=5") for _ in range(4)]
        web.gateway.run("reviews", "approve", review, token=dana)
        got = [one.result() for one in waits]
    assert sorted(one.status for one in got)[0] == 200
    late = [one for one in got if one.status != 200]
    assert len(late) == 3 and len(web.service.seen) == count + 1
    for one in late:
        said = one.json()
        if one.status == 403:
            assert "has run by it" in said["detail"] and "look at what it did" in said["hint"], said
        else:
            assert one.status == 202 and said["review"] != review, said


def test_a_review_is_shown_to_who_asked(web: Web) -> None:
    at = ask(web, 700).fields["location"]
    assert web.ask("GET", at, token=web.gateway.token("dora")).status == 404
    assert web.ask("GET", at, token="nonsense").status == 401
    assert web.get("/.well-known/portreeve/reviews/nothing").status == 404
    assert web.get(at, Host="crm.internal").status == 200
