"""Reports from the evidence of real traffic: made, read, checked, made again."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import psycopg
import pytest
from harness.gateway import Gateway
from harness.world import World

pytestmark = pytest.mark.gateway

ZQ7 = "zq7marker@leak-q7.example"
KINDS = (
    "art30",
    "art33",
    "art15",
    "access-review",
    "masking-coverage",
    "oversight",
    "deletion",
)
PROBE = """
@id("analysts-ask")
permit (principal in Group::"analysts", action == Action::"probe", resource);
"""
DECLARED = """
controller: { name: Shop GmbH, country: DE }
dpo: { name: Ada Lovelace, contact: dpo@shop.example }
subject_categories: { shop: [customers] }
processor: { name: Hosting AG, country: CH }
controllers:
  Shop GmbH: { contact: Musterstr. 1, country: DE, processing: [support], resources: [shop] }
incident: { aware_at: "2026-11-28T10:00:00Z", nature: an agent read too much }
"""


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    more = "limits: { auth_failures_max: 100000 }\nevidence: { custodians: [officers] }"
    policies = world.policies_with("reports", PROBE)
    gateway = world.gateway("reports", more=more, policies=policies)
    (gateway.directory / "declared.yaml").write_text(DECLARED)
    for person in ("alice", "olga"):
        target = gateway.target(person)
        with psycopg.connect(target.conninfo(), autocommit=True) as connection:
            connection.execute("select id, email from customers").fetchall()
            if person == "alice":
                asked = "select city from customers where email = %s"
                connection.execute(asked, [ZQ7]).fetchall()
            connection.execute("select email || '' from customers where id = 1").fetchall()
            with pytest.raises(psycopg.Error):
                connection.execute("drop table customers")
    return gateway


def options(kind: str) -> tuple[str, ...]:
    return ("--subject", f"email={ZQ7}") if kind == "art15" else ()


def report(gateway: Gateway, kind: str, *more: str) -> dict:
    return json.loads(gateway.run("report", kind, "--as", "json", *options(kind), *more))


class Page(HTMLParser):
    """Every element that is opened is closed, and nothing is fetched or run."""

    VOID = ("meta", "br", "rect")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "img", "iframe", "object", "a"), tag
        assert not [name for name, _ in attrs if name.startswith("on") or name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("kind", KINDS)
def test_every_report_is_proven_and_the_log_gives_it_again(
    gateway: Gateway, kind: str, tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    gateway.run("report", kind, "--out", str(file), *options(kind))
    assert gateway.try_run("verify", str(file)).stdout.startswith("OK")
    log = str(gateway.data_dir / "evidence" / "log.pub")
    assert gateway.try_run("verify", "--key", log, str(file)).returncode == 0
    assert "the same report" in gateway.run("report", "check", str(file))
    page = gateway.run("report", "render", str(file), "--as", "html")
    parsed = Page()
    parsed.feed(page)
    assert parsed.open == []
    made = json.loads(file.read_text())
    assert made["proof"]["digest"] in parsed.text
    for gap in made["gaps"]:
        assert gap in parsed.text
    # Nobody's data is in a report, and neither is the identifier that was asked for.
    for text in (page, file.read_text()):
        assert "zq7marker" not in text


def test_a_number_that_was_changed_is_found(gateway: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    gateway.run("report", "masking-coverage", "--out", str(file))
    changed = re.sub(r'("rows": )\d+', r"\g<1>0", file.read_text(), count=1)
    assert changed != file.read_text()
    file.write_text(changed)
    done = gateway.try_run("verify", str(file))
    assert (done.returncode, done.stdout[:8]) == (1, "TAMPERED")
    done = gateway.try_run("report", "check", str(file))
    assert done.returncode == 1 and "content" in done.stdout


def test_counts_are_those_of_the_traffic(gateway: Gateway) -> None:
    coverage = report(gateway, "masking-coverage")["content"]
    assert coverage["unmasked_without_exception"] == 0
    by_category = {row["category"]: row for row in coverage["categories"]}
    # Alice's addresses are masked: three, and one that was computed; Olga sees them.
    assert by_category["email"]["values_masked"] == 4
    assert by_category["email"]["rows_revealed"] == 4
    [email] = [row for row in coverage["objects"] if row["object"] == "public.customers.email"]
    assert [email["configured"][key] for key in ("category", "rule")] == ["email", "redact"]
    assert (email["rows_revealed"], email["found_unrevealed"]) == (4, {})
    breach = report(gateway, "art33", "--principal", "alice")
    assert breach["content"]["people"]["at_least"] == 3
    assert breach["content"]["observed"]["exchanges_refused"] == 1
    assert breach["content"]["clocks"]["notify_until"] == "2026-12-01T10:00:00Z"
    asked = {row["shape"]: row for row in breach["content"]["statements"]["listed"]}
    looked_up = asked["select city from customers where email = ?"]
    assert [looked_up[key] for key in ("principal", "verdict", "count")] == ["alice", "allow", 1]
    assert asked["drop table customers"]["verdict"] == "deny"
    narrowed = report(gateway, "art33", "--principal", "nobody")["content"]
    assert narrowed["observed"]["exchanges"] == 0


def test_policies_are_asked_what_they_permit(gateway: Gateway) -> None:
    effective = report(gateway, "access-review")["content"]["effective"]
    assert effective["policy"]
    permitted = {
        (row["principal"], row["action"], row["object"]): row["used"]
        for row in effective["permitted"]
    }
    column = "public.customers.email"
    assert permitted["alice", "probe", column] == 1
    assert permitted["olga", "reveal", column] == 2
    assert ("alice", "reveal", column) not in permitted
    assert effective["unused"] == sum(used == 0 for used in permitted.values())


def test_one_person_gets_an_answer_that_names_no_colleague(gateway: Gateway) -> None:
    answer = report(gateway, "art15")
    certainties = [access["certainty"] for access in answer["content"]["accesses"]]
    assert sorted(certainties) == ["derived"] * 3 + ["named"] * 2
    assert "alice" not in json.dumps(answer["content"])
    assert "alice" in json.dumps(report(gateway, "art15", "--names")["content"])


def test_what_is_declared_is_no_gap_and_what_is_not_is_one(gateway: Gateway) -> None:
    gaps = " ".join(report(gateway, "art30")["gaps"])
    assert "no controller" not in gaps and "whose data the resource holds" not in gaps
    assert "no purpose was given" in gaps
    done = gateway.try_run("report", "art30", "--declared", "nowhere.yaml")
    assert done.returncode == 1 and "nowhere.yaml" in done.stderr


def test_a_processor_says_what_is_done_for_whom(gateway: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    gateway.run("report", "art30", "--form", "processor", "--out", str(file))
    assert "the same report" in gateway.run("report", "check", str(file))
    [shop] = json.loads(file.read_text())["content"]["controllers"]
    assert (shop["controller"], shop["declared"]["processing"]) == ("Shop GmbH", ["support"])
    # Four values were masked, and Olga saw one column of four rows.
    share = {"values_masked": 4, "values_released_max": 8, "percent_min": 50}
    assert shop["observed"]["masked_share"] == share
    [activity] = report(gateway, "art30")["content"]["activities"]
    assert activity["observed"]["masked_share"] == share
    done = gateway.try_run("report", "art30", "--form", "processor", "--since-report", str(file))
    assert done.returncode == 1 and "--since-report" in done.stderr


def test_the_api_gives_the_same_content(gateway: Gateway) -> None:
    token = gateway.token("olga")
    status, body = gateway.http("GET", "/v1/reports/masking-coverage", token=token)
    assert status == 200, body
    by_command = report(gateway, "masking-coverage")["content"]
    assert json.loads(body)["content"]["categories"] == by_command["categories"]
    for path, expected in (
        ("art33?principal=alice&as=html", 200),
        ("art99", 404),
        ("art30?form=processor", 200),
        ("art30?form=owner", 400),
        ("art30?as=pdf", 400),
        ("art30?session=x", 400),
        ("art30?sinse_us=1", 400),
    ):
        assert gateway.http("GET", f"/v1/reports/{path}", token=token)[0] == expected, path
    for name, actors in (("alice", ()), ("olga", ("planner",))):
        other = gateway.token(name, *actors)
        assert gateway.http("GET", "/v1/reports/art30", token=other)[0] == 403
    status, _ = gateway.http("GET", "/v1/reports/art15", token=token)
    assert status == 400, "the gateway has no auditors' key"


def test_errors_say_what_to_do(gateway: Gateway, tmp_path: Path) -> None:
    assert "--subject" in gateway.try_run("report", "art15").stderr
    assert ".html" in gateway.try_run("report", "art30", "--out", "report.pdf").stderr
    odd = tmp_path / "declared.yaml"
    odd.write_text("controler: {}\n")
    assert "controler" in gateway.try_run("report", "art30", "--declared", str(odd)).stderr
    assert "no report" in gateway.try_run("report", "check", str(odd)).stderr
