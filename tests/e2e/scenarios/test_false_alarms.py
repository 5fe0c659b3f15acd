"""What is nobody's passes as it is: of databases like those that people know, hardly a cell of
things (films, products, tracks, departments, identifiers) is taken for personal."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from harness.gateway import Gateway
from harness.world import World
from honest.scene import honest_gateway

pytestmark = pytest.mark.gateway

SCHEMA = """
create schema rental; create schema trade; create schema music; create schema staff;
create type rental.rating as enum ('G', 'PG', 'PG-13', 'R');
create table rental.film (
    film_id serial primary key, title text not null, description text, release_year integer,
    language_id smallint, rental_duration smallint, rental_rate numeric(4, 2), length smallint,
    replacement_cost numeric(5, 2), rating rental.rating, last_update timestamptz,
    special_features text[], fulltext tsvector
);
create table rental.category (category_id serial primary key, name varchar(25), last_update timestamp);
create table rental.inventory (inventory_id serial, film_id integer, store_id integer, sku text, checksum text, token_id uuid);
create table rental.rental (rental_id bigint, rental_date timestamp, return_date timestamp, status text, amount numeric, currency char(3));
create table trade.products (
    product_id integer, product_name varchar(40), quantity_per_unit varchar(20), unit_price real,
    units_in_stock smallint, discontinued boolean, attributes jsonb, category varchar(20)
);
create table trade.orders (order_id integer, order_date date, required_date date, ship_via integer, freight real, reference text, state text);
create table trade.shippers (shipper_id integer, service text, tracking text, url text);
create table music.track (track_id integer, name varchar(200), milliseconds integer, bytes bigint, unit_price numeric, media_type text, genre text, path text);
create table music.playlist (playlist_id integer, name varchar(120));
create table staff.departments (dept_no char(4), dept_name varchar(40));
create table staff.salaries (emp_no integer, amount integer, from_date date, to_date date);
create table staff.titles (emp_no integer, title varchar(50), from_date date);
create table staff.builds (id bigint, version text, commit_hash text, digest text, host text, level text, message text, payload json, tags text[], took interval, at timestamptz);
"""

WORDS = (
    "academy dinosaur ace goldfinger adaptation holes affair prejudice african egg agent truman "
    "airplane sierra airport pollock alabama devil aladdin calendar alamo videotape alaska phoenix "
    "alien center alley evolution alone trip alter victory amadeus holy american circus anaconda "
    "confessions analyze hoosiers angels life annie identity anonymous human anthem luke antitrust "
    "tomatoes anything savannah apache divine apocalypse flamingos apollo teen arabia dogma"
).split()
KINDS = ("Drama", "Epistle", "Reflection", "Display", "Documentary", "Panorama", "Yarn", "Saga")
SUBJECTS = ("a feminist and a mad scientist", "a boat and a butler", "a moose and a technical writer",
            "a robot and a crocodile", "a dog and a composer", "a hunter and a lumberjack")
VERBS = ("who must battle a teacher in the Canadian Rockies", "who must pursue a database administrator in ancient China",
         "who must find a car in a MySQL convention", "who must outrace a mad cow in a jet boat",
         "who must sink a lumberjack in a shark tank")
PRODUCTS = ("Chai", "Chang", "Aniseed Syrup", "Cranberry Sauce", "Organic Dried Pears", "Ikura",
            "Queso Cabrales", "Konbu", "Tofu", "Genen Shouyu", "Pavlova", "Tunnbröd", "Sild",
            "Mozzarella", "Sasquatch Ale", "Ravioli", "Filo Mix", "Longlife Tofu", "Röd Kaviar")
UNITS = ("10 boxes x 20 bags", "24 - 12 oz bottles", "12 - 550 ml bottles", "48 - 6 oz jars",
         "36 boxes", "1 kg pkg.", "40 - 100 g pkgs.", "10 - 500 g pkgs.")
GENRES = ("Rock", "Jazz", "Metal", "Alternative & Punk", "Blues", "Latin", "Reggae", "Soundtrack")
MEDIA = ("MPEG audio file", "Protected AAC audio file", "AAC audio file")
DEPARTMENTS = ("Customer Service", "Development", "Finance", "Human Resources", "Marketing",
               "Production", "Quality Management", "Research", "Sales")
TITLES = ("Senior Engineer", "Staff", "Engineer", "Senior Staff", "Assistant Engineer", "Technique Leader", "Manager")
SERVICES = ("Speedy Express", "United Package", "Federal Shipping", "Standard Ground", "Overnight Air")
STATES = ("pending", "in transit", "delivered", "on hold", "returned", "cancelled")
MESSAGES = ("connection pool exhausted after 30s", "GET /v1/orders 200 in 12 ms", "cache miss for key order:10248",
            "worker 3 restarted, exit code 137", "retry 2 of 5: timeout while reading response header",
            "deployed release 2.14.3 to production", "disk usage at 81.4 % on /var/lib/data",
            "migration 0042_add_index applied in 3.2 s")
HOSTS = ("web-01", "db-primary", "cache-2.internal", "worker-eu-west-1a")
ROWS = 120


def pick(words: tuple[str, ...] | list[str], index: int) -> str:
    return words[index * 7919 % len(words)]


def rows() -> dict[str, list[tuple]]:
    made: dict[str, list[tuple]] = {}

    def add(table: str, *values: object) -> None:
        made.setdefault(table, []).append(values)

    for i in range(ROWS):
        title = f"{pick(WORDS, i)} {pick(WORDS, i * 3 + 1)}".upper()
        about = f"A {KINDS[i % 8]} of {SUBJECTS[i % 6]} {VERBS[i % 5]}"
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"item {i}")
        digest = (name.hex * 2)[:40]
        at = f"2024-{i % 12 + 1:02}-{i % 28 + 1:02} {i % 24:02}:{i % 60:02}:07.{i:03}+00"
        add("rental.film", i, title, about, 2006, 1, i % 7, "4.99", 60 + i, "19.99", "PG", at,
            ["Trailers", "Deleted Scenes"], None)
        add("rental.category", i, ("Action", "Animation", "Children", "Classics", "Comedy", "Games",
            "Horror", "Music", "New", "Sci-Fi", "Sports", "Travel")[i % 12], at[:19])
        add("rental.inventory", i, i, i % 2, f"SKU-{i * 37:06}-B", digest, str(name))
        add("rental.rental", 10_000_000_000 + i * 7919, at[:19], at[:19], STATES[i % 6], f"{i}.50", "EUR")
        add("trade.products", i, PRODUCTS[i % 19], UNITS[i % 8], 18.0 + i, i, False,
            '{"color": "dark green", "weight_kg": 1.25, "dimensions": [10, 20, 30], "ean": "4006381333931", "in_stock": true}',
            ("Beverages", "Condiments", "Confections", "Dairy Products", "Seafood")[i % 5])
        add("trade.orders", 10248 + i, at[:10], at[:10], i % 3, 32.38 + i, f"PO-2024-{i:05}", STATES[i % 6])
        add("trade.shippers", i, SERVICES[i % 5], f"1Z999AA1{i:010}", f"https://track.example/p/{i}")
        add("music.track", i, f"{pick(WORDS, i * 5).capitalize()} {pick(WORDS, i * 11 + 2)}", 343719 + i, 11170334 + i * 101, "0.99", MEDIA[i % 3], GENRES[i % 8], f"/media/{i % 9}/{digest[:12]}.mp3")
        add("music.playlist", i, ("Music", "Movies", "TV Shows", "Audiobooks", "90’s Music", "Heavy Metal Classic", "Grunge")[i % 7])
        add("staff.departments", f"d{i:03}", DEPARTMENTS[i % 9])
        add("staff.salaries", 10001 + i, 60117 + i * 13, at[:10], "9999-01-01")
        add("staff.titles", 10001 + i, TITLES[i % 7], at[:10])
        add("staff.builds", i, f"{i % 4}.{i % 13}.{i % 7}-rc{i % 3}", digest, "sha256:" + name.hex * 2,
            HOSTS[i % 4], ("info", "warning", "error")[i % 3], MESSAGES[i % 8],
            f'{{"request_id": "{name}", "duration_ms": {i}.5, "path": "/v1/orders/{i}", "ok": true}}',
            ["blue", "canary", f"region-{i % 3}"], "00:00:12.5", at)
    return made


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    made = honest_gateway(world, "false-alarms", SCHEMA, classified={"*.*.nothing": "x"})
    with psycopg.connect(world.direct("portreeve", "false_alarms").conninfo()) as connection:
        for table, values in rows().items():
            marks = ", ".join(["%s"] * len(values[0]))
            connection.cursor().executemany(f"insert into {table} values ({marks})", values)
    return made


@pytest.fixture(scope="module")
def sides(world: World, gateway: Gateway) -> Iterator[list[psycopg.Connection]]:
    targets = [world.direct("portreeve", "false_alarms"), gateway.target("dev")]
    opened = [psycopg.connect(target.conninfo(), autocommit=True) for target in targets]
    yield opened
    for connection in opened:
        connection.close()


def test_hardly_a_cell_of_things_is_changed(sides: list[psycopg.Connection]) -> None:
    changed: list[tuple[str, str, object, object]] = []
    cells = 0
    for table in rows():
        was, now = (side.execute(f"select * from {table} order by 1") for side in sides)
        names = [column.name for column in was.description or ()]
        for before, after in zip(was.fetchall(), now.fetchall(), strict=True):
            cells += len(before)
            pairs = zip(names, before, after, strict=True)
            changed += [(table, n, b, a) for n, b, a in pairs if b != a]
    assert cells > 9_000
    assert len(changed) <= cells * 0.005, f"{len(changed)} of {cells}:\n" + "\n".join(
        sorted({f"{table}.{name}: {before!r} -> {after!r}" for table, name, before, after in changed})
    )


STRUCTURE = (
    "select * from information_schema.columns where table_schema in ('rental', 'trade')",
    "select * from pg_catalog.pg_class where relname like '%film%'",
    "select nspname, relname, attname, format_type(atttypid, atttypmod) from pg_attribute a "
    "join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace "
    "where nspname in ('rental', 'staff') order by 1, 2, 3",
    "select name, setting, short_desc from pg_settings where name !~ '^(application|session)' order by 1",
    "select conname, pg_get_constraintdef(oid) from pg_constraint order by oid",
    "show timezone", "show server_version", "show datestyle", "show search_path", "select version()",
    "select current_user, current_database(), current_schema()",
    "select 1 as one, 'x' as two, now()::date is not null as three",
    "explain (costs off) select title from rental.film where film_id = 7",
    "explain (costs off) select name from music.track t join rental.film f on f.film_id = t.track_id",
    "select count(*), min(title), max(last_update) from rental.film",
)


@pytest.mark.parametrize("statement", STRUCTURE)
def test_structure_and_settings_pass_as_they_are(
    sides: list[psycopg.Connection], statement: str
) -> None:
    was, now = (side.execute(statement).fetchall() for side in sides)
    differing = [pair for pair in zip(was, now, strict=True) if pair[0] != pair[1]]
    assert not differing, differing[:5]
