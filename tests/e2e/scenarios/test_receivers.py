"""Events reach receivers as those want them, and what a receiver did not take comes again.

One gateway exports to all of them. A file of its own tells what there is: what a receiver lacks
of it once its cursor has moved on is lost.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from harness import syslog
from harness.certificates import Authority
from harness.gateway import Gateway
from harness.receivers import Bulk, Hec, Otlp, Receiver
from harness.waiting import until
from harness.world import World

pytestmark = pytest.mark.gateway

EXPORTS = """\
limits: {{ auth_failures_max: 100000 }}
exports:
  all: {{ file: {{ path: events.log }} }}
  otlp: {{ otlp: {{ url: '{otlp.url}', token: {{ file: otlp.token }} }} }}
  hec: {{ splunk_hec: {{ url: '{hec.url}', index: audit, token: {{ file: hec.token }} }} }}
  bulk:
    format: ecs
    elasticsearch: {{ url: '{bulk.url}', index: audit, api_key: {{ file: bulk.token }} }}
  mapped:
    elasticsearch: {{ url: '{mapped.url}', index: audit, api_key: {{ file: mapped.token }} }}
  lines:
    format: cef
    elasticsearch: {{ url: '{lines.url}', index: audit, api_key: {{ file: lines.token }} }}
  tls: {{ syslog: {{ address: '127.0.0.1:{tls.port}', ca: '{ca}' }} }}
  stranger: {{ syslog: {{ address: '127.0.0.1:{stranger.port}', ca: '{ca}' }} }}
  misnamed: {{ syslog: {{ address: '127.0.0.1:{misnamed.port}', ca: '{ca}' }} }}
  udp: {{ format: ecs, syslog: {{ address: '127.0.0.1:{udp.port}', transport: udp }} }}
"""

# So many that an event which names them all is larger than a datagram.
MANY = ", ".join(f"public.{'a_long_name_of_a_table_' * 2}{number}" for number in range(1200))


@dataclass
class Site:
    gateway: Gateway
    http: dict[str, Receiver]
    tls: syslog.Tls
    stranger: syslog.Tls
    misnamed: syslog.Tls
    udp: syslog.Udp
    directory: Path
    conninfo: str = ""
    seen: set[str] = field(default_factory=set)
    last: int = 0

    def token(self, name: str, text: str) -> None:
        path = self.directory / f"{name}.token"
        path.write_text(text)
        path.chmod(0o600)

    def told(self) -> list[dict]:
        path = self.directory / "events.log"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def begin(self) -> None:
        """What comes from here on is what a test looks at."""
        self.seen = {event["metadata"]["uid"] for event in self.told()}

    def work(self, rounds: int = 1) -> set[str]:
        """Reads and is refused; returns the ids of what was exported of it."""
        self.begin()
        for _ in range(rounds):
            with psycopg.connect(self.conninfo, autocommit=True) as one:
                one.execute("select id, email from public.customers").fetchall()
                with pytest.raises(psycopg.Error):
                    one.execute("drop table public.customers")

        def ended() -> list[dict]:
            new = [event for event in self.told() if event["metadata"]["uid"] not in self.seen]
            return new if sum(event["type_uid"] == 300202 for event in new) == rounds else []

        new = until("the file has all of it", ended, 30)
        refused = [event for event in new if event["class_uid"] == 6005 and event["status_id"] == 2]
        assert len(refused) == rounds
        self.last = max(event["metadata"]["sequence"] for event in new)
        return {event["metadata"]["uid"] for event in new if event["class_uid"] != 2005}

    def passed(self, name: str) -> bool:
        """The cursor of an export is behind the last work: all of it counts as taken."""
        path = self.gateway.data_dir / "exports" / f"{name}.cursor"
        return path.exists() and json.loads(path.read_text())["taken"] > self.last

    def warns(self, name: str, of: str) -> bool:
        said = self.gateway.http("GET", "/healthz")[1].decode()
        _, _, after = said.partition(f"the export `{name}` is ")
        return of in after.split("; ")[0]


@pytest.fixture(scope="module")
def site(world: World) -> Iterator[Site]:
    directory = world.directory / "receivers"
    for name in ("ours", "theirs", "elsewhere"):
        (directory / name).mkdir(parents=True)
    ours, theirs = Authority(directory / "ours"), Authority(directory / "theirs")
    tls = syslog.Tls(ours.server())
    stranger = syslog.Tls(theirs.server())
    misnamed = syslog.Tls(ours.server(host="127.0.0.2"))
    udp = syslog.Udp()
    http: dict[str, Receiver] = {
        "otlp": Otlp("of-otlp"),
        "hec": Hec("of-hec"),
        "bulk": Bulk("of-bulk"),
        "mapped": Bulk("of-mapped", maps=True),
        "lines": Bulk("of-lines"),
    }
    more = EXPORTS.format(
        **http, tls=tls, stranger=stranger, misnamed=misnamed, udp=udp, ca=ours.file
    )
    gateway = world.gateway("exports-receivers", more=more, start=False)
    made = Site(gateway, http, tls, stranger, misnamed, udp, gateway.directory)
    for name, receiver in http.items():
        made.token(name, receiver.token)
        receiver.start()
    for other in (tls, stranger, misnamed, udp):
        other.start()
    try:
        gateway.start()
        made.conninfo = gateway.target("alice").conninfo()
        yield made
    finally:
        gateway.stop()
        for one in (*http.values(), tls, stranger, misnamed, udp):
            one.stop()


def fails(why: str) -> pytest.MarkDecorator:
    return pytest.mark.xfail(reason=why, strict=True, raises=(AssertionError, ValueError))


HTTP = ("otlp", "hec", "bulk")


@pytest.mark.parametrize("name", HTTP)
def test_a_receiver_that_is_busy_or_away_loses_nothing(site: Site, name: str) -> None:
    receiver = site.http[name]
    receiver.next("busy", "hang up")
    ids = site.work(2)
    until("its cursor moves", lambda: site.passed(name), 30)
    assert ids <= set(receiver.taken), ids - set(receiver.taken)
    assert {200} < set(receiver.answered) and not receiver.planned()
    receiver.stop()
    ids = site.work()
    until("it shows", lambda: site.warns(name, "records behind"), 30)
    assert not site.passed(name) and not ids & set(receiver.taken)
    receiver.start()
    until("its cursor moves", lambda: site.passed(name), 30)
    assert ids <= set(receiver.taken), ids - set(receiver.taken)
    until("all is well again", lambda: not site.warns(name, "behind"), 10)
    assert not receiver.problems


@pytest.mark.parametrize(("name", "said"), [("otlp", "401"), ("hec", "403"), ("bulk", "401")])
def test_a_wrong_token_is_said_and_costs_nothing(site: Site, name: str, said: str) -> None:
    receiver = site.http[name]
    site.token(name, "not the token")
    ids = site.work()
    until("it shows", lambda: site.warns(name, said), 30)
    assert not site.passed(name) and not ids & set(receiver.taken)
    assert "not the token" not in site.gateway.log(), "a secret is in no line"
    site.token(name, receiver.token)
    until("its cursor moves", lambda: site.passed(name), 30)
    assert ids <= set(receiver.taken) and not receiver.problems


@pytest.mark.parametrize(
    ("name", "word", "said"),
    [("otlp", "partly", "rejected 1"), ("hec", "code", "code 9"), ("bulk", "partly", "es_reje")],
)
def test_what_was_taken_in_part_comes_whole(site: Site, name: str, word: str, said: str) -> None:
    """With status 200, the body says that something is missing."""
    receiver = site.http[name]
    receiver.next(word, word)
    ids = site.work()
    until("it shows", lambda: site.warns(name, said), 30)
    until("its cursor moves", lambda: site.passed(name), 30)
    assert ids <= set(receiver.taken), ids - set(receiver.taken)
    if isinstance(receiver, Bulk):
        assert receiver.conflicts, "those of the first time are there already, and count as taken"
    assert not receiver.problems


@pytest.mark.parametrize("name", HTTP)
def test_a_page_of_somebody_else_is_no_receipt(site: Site, name: str) -> None:
    """A proxy or a captive portal answers 200 with a page: nothing was taken."""
    receiver = site.http[name]
    receiver.next("page")
    ids = site.work()
    until("its cursor moves", lambda: site.passed(name), 30)
    assert not receiver.planned()
    assert ids <= set(receiver.taken), ids - set(receiver.taken)


def test_one_event_is_the_same_everywhere(site: Site) -> None:
    ids = site.work()
    for name in HTTP:
        until("its cursor moves", lambda name=name: site.passed(name), 30)
    of_file = {event["metadata"]["uid"]: event for event in site.told()}
    for id in ids:
        assert json.loads(site.http["otlp"].taken[id]) == of_file[id]
        assert site.http["hec"].taken[id] == of_file[id]
        assert site.http["bulk"].taken[id]["event"]["id"] == id


def test_elasticsearch_maps_every_document(site: Site) -> None:
    """A table and a column of it in one document, as dynamic mapping sees them: the name with a
    dot is an object in the other. Such a document is refused for good, and the export stands."""
    site.begin()
    with psycopg.connect(site.conninfo, autocommit=True) as one:
        with pytest.raises(psycopg.Error):
            one.execute("select id from public.customers where email like '%x%'")

    def told() -> int | None:
        new = (e for e in site.told() if e["metadata"]["uid"] not in site.seen)
        return next((e["metadata"]["sequence"] for e in new if e["class_uid"] == 6005), None)

    site.last = until("it is told", told, 30)
    mapped = site.http["mapped"]
    until("it is taken, or refused", lambda: mapped.problems or site.passed("mapped"), 30)
    assert mapped.problems == []


def test_elasticsearch_gets_objects_in_every_format(site: Site) -> None:
    site.work()
    until("it was asked", lambda: site.http["lines"].answered, 30)
    assert site.http["lines"].problems == []


def test_syslog_over_tls_takes_every_event(site: Site) -> None:
    ids = site.work()
    until("all have arrived", lambda: ids <= site.tls.ids, 30)
    until("its cursor moves", lambda: site.passed("tls"), 30)
    site.tls.stop()
    ids = site.work()
    until("it shows", lambda: site.warns("tls", "records behind"), 30)
    assert not site.passed("tls")
    site.tls.start()
    until("all have arrived", lambda: ids <= site.tls.ids, 30)
    of_file = {event["metadata"]["uid"]: event for event in site.told()}
    for message in site.tls.messages:
        if message.id in of_file:
            assert json.loads(message.text) == of_file[message.id]
    # RFC 5424: `log audit`, and warning where a statement was refused.
    assert {message.priority for message in site.tls.messages} >= {13 * 8 + 6, 13 * 8 + 4}
    assert not site.tls.problems


def test_a_certificate_of_a_stranger_gets_nothing(site: Site) -> None:
    """Remove the check of the chain or of the name, and one of them gets messages."""
    site.work()
    for name, server in (("stranger", site.stranger), ("misnamed", site.misnamed)):
        until("it shows", lambda name=name: site.warns(name, "certificate"), 30)
        assert server.handshakes_failed and not server.messages and not site.passed(name)


def test_syslog_over_udp_is_a_datagram_an_event(site: Site) -> None:
    ids = site.work()
    until("all have arrived", lambda: ids <= site.udp.ids, 30)
    assert not site.udp.problems
    for message in site.udp.messages:
        assert json.loads(message.text)["event"]["id"] == message.id


@fails("`send_datagrams` cuts at 65,000 bytes, without a word")
def test_an_event_larger_than_a_datagram_is_not_cut(site: Site) -> None:
    site.begin()
    with psycopg.connect(site.conninfo, autocommit=True) as one:
        with pytest.raises(psycopg.Error):
            one.execute(f"drop table {MANY}")

    def told() -> str | None:
        new = (e for e in site.told() if e["metadata"]["uid"] not in site.seen)
        return next((e["metadata"]["uid"] for e in new if len(json.dumps(e)) > 65_000), None)

    id = until("it is told", told, 30)
    mine = until("it arrives", lambda: [m for m in site.udp.messages if m.id == id], 30)
    assert json.loads(mine[0].text)["event"]["id"] == id


def test_a_gateway_that_is_killed_goes_on_where_receivers_are(site: Site) -> None:
    ids: set[str] = set()
    for word in ("busy", "hang up", "take"):
        for name in HTTP:
            site.http[name].next(word)
        ids |= site.work()
        site.gateway.kill()
        site.gateway.start()
    for name in HTTP:
        until("its cursor moves", lambda name=name: site.passed(name), 30)
        assert ids <= set(site.http[name].taken), ids - set(site.http[name].taken)
        assert not site.http[name].problems
