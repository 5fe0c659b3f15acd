"""Questions about a classified value that never show it: the answer is in the rows, their
order, their number, or an error.

`{true}` and `{false}` of a pair differ on a direct connection. Through the gateway nobody can
tell them apart. Equality with a constant is not here: it is allowed, and counted.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    id: str
    true: str
    false: str

    def __str__(self) -> str:
        return self.id


def where(id: str, condition: str, true: str, false: str) -> Pair:
    sql = "select id from customers where " + condition
    return Pair(id, sql.replace("?", true), sql.replace("?", false))


def swap(id: str, sql: str, true: str, false: str) -> Pair:
    return Pair(id, sql.replace("?", true), sql.replace("?", false))


PAIRS: tuple[Pair, ...] = (
    where("like", "ssn like ?", "'917-66%'", "'918-66%'"),
    where("ilike", "full_name ilike ?", "'%QUIX%'", "'%QUAX%'"),
    where("regex", "email ~ ?", "'^zq7'", "'^zz7'"),
    where("regex-not", "email !~* ?", "'^ZQ7'", "'^ZZ7'"),
    where("similar", "email similar to ?", "'zq%'", "'zz%'"),
    where("starts-with", "starts_with(email, ?)", "'zq7'", "'zz7'"),
    where("starts-with-operator", "email ^@ ?", "'zq7'", "'zz7'"),
    where("greater", "ssn > ?", "'917-66-4422'", "'917-66-4423'"),
    where(
        "between", "dob between ? and date '1917-12-31'", "date '1917-09-01'", "date '1917-10-01'"
    ),
    where("between-symmetric", "pin between symmetric ? and 0", "7390441", "7390440"),
    where("not-equal", "pin <> ? and pin < 7390442", "0", "7390441"),
    where("in-subquery", "pin in (select generate_series(?::int, 7390450))", "7390441", "7390444"),
    where(
        "any-array-range",
        "pin = any (array(select generate_series(?::int, 7390450)))",
        "7390441",
        "7390444",
    ),
    where("arithmetic", "pin % ? = 0", "7390441", "7390449"),
    where("bits", "pin & ? > 0", "1", "0"),
    where("substr", "substr(ssn, 1, 1) = ?", "'9'", "'8'"),
    where("length", "length(email) = ?", "25", "26"),
    where("md5", "md5(ssn) like ?", "'%'", "'zz%'"),
    where("position", "position(? in email) > 0", "'zq7'", "'zz7'"),
    where("json", "profile @> ?", '\'{"nick": "zq7nick"}\'', '\'{"nick": "zz"}\''),
    where("json-key", "profile ->> 'nick' < ?", "'zq8'", "'zq0'"),
    where("array-contains", "aliases @> array[?]", "'zq7alias'", "'zz'"),
    where("array-overlap", "aliases && array[?]", "'zq7alias'", "'zz'"),
    where("is-distinct", "ssn is distinct from ? and id = 1", "'x'", "'917-66-4421'"),
    where("case", "case when ssn like ? then true else false end", "'917%'", "'918%'"),
    where("row-comparison", "(ssn, id) < (?, 1)", "'917-66-4422'", "'917-66-4421'"),
    where("exists", "exists (select 1 from customers c where c.ssn like ?)", "'917%'", "'918%'"),
    where("whole-row-text", "customers::text like ?", "'%917-66%'", "'%918-66%'"),
    where("row-to-json", "row_to_json(customers)::text like ?", "'%917-66%'", "'%918-66%'"),
    where(
        "whole-row-compare",
        "customers > row(1, ?, null, null, null, null, null, null, null, null, "
        "null, null, null, null, null)::customers",
        "'Ze'",
        "'Zz'",
    ),
    where(
        "full-text",
        "to_tsvector('simple', full_name) @@ to_tsquery('simple', ?)",
        "'zebulon'",
        "'zz'",
    ),
    where("date-part", "extract(month from dob) = ?", "7", "6"),
    where("cast", "ssn::text::name > ?", "'917-66-4422'", "'917-66-4423'"),
    where("coalesce", "coalesce(notes, '') like ?", "'%zq7%'", "'%zz7%'"),
    where(
        "alias-view",
        "id in (select id from customer_contacts where number like ?)",
        "'917%'",
        "'918%'",
    ),
    where(
        "cte",
        "id in (with x(i, s) as (select id, ssn from customers) select i from x where s like ?)",
        "'917%'",
        "'918%'",
    ),
    where("lateral-true", "(select ssn like ?)", "'917%'", "'918%'"),
    where(
        "division-oracle", "1 / (case when ssn like ? then 1 else 0 end) = 1", "'917%'", "'918%'"
    ),
    swap(
        "join-on-range",
        "select c.id from customers c join (values (?)) v(x) on c.ssn > v.x",
        "'917'",
        "'918'",
    ),
    swap(
        "join-on-like",
        "select c.id from customers c join (values (?)) v(x) on c.ssn like v.x",
        "'917%'",
        "'918%'",
    ),
    swap(
        "left-join",
        "select v.x, c.id from (values (?)) v(x) left join customers c on c.ssn ~ v.x",
        "'917'",
        "'918'",
    ),
    swap("having", "select count(*) from customers having min(ssn) like ?", "'917%'", "'918%'"),
    swap(
        "group-by-expression",
        "select count(*) from customers group by ssn > ?",
        "'917-66-4422'",
        "'917'",
    ),
    swap("order-by", "select id from customers order by ?", "ssn", "ssn desc"),
    swap("order-by-nulls", "select id from customers order by pin ?", "asc", "desc"),
    swap("order-by-expression", "select id from customers order by (ssn like '%?')", "1", "3"),
    swap(
        "order-by-position",
        "select id from (select id, ssn from customers order by 2 ?) x limit 1",
        "asc",
        "desc",
    ),
    swap("order-by-using", "select id from customers order by ssn using ?", "<", ">"),
    swap("order-by-aggregate", "select array_agg(id order by ssn ?) from customers", "asc", "desc"),
    swap(
        "distinct-on-order",
        "select x.id < 5 from (select distinct on (email) id from crowd where id in (2, ?)) x",
        "10",
        "30",
    ),
    swap(
        "window-order",
        "select id, rank() over (order by ssn ?) from customers order by id",
        "asc",
        "desc",
    ),
    swap(
        "window-partition",
        "select id, count(*) over (partition by ssn like ?) from customers",
        "'%1'",
        "'917%'",
    ),
    swap(
        "window-frame",
        "select id, count(*) over (order by pin range between ? preceding and current row) "
        "from customers order by id",
        "0",
        "1",
    ),
    swap(
        "distinct-on",
        "select distinct on (ssn like ?) id from customers order by ssn like ?, id",
        "'%1'",
        "'917%'",
    ),
    swap(
        "aggregate-filter",
        "select count(*) filter (where ssn like ?) from customers",
        "'917%'",
        "'918%'",
    ),
    swap(
        "limit-subquery",
        "select id from orders order by id limit (select count(*) from customers where ssn like ?)",
        "'%1'",
        "'917%'",
    ),
    swap(
        "union-filter", "select 1 where (select min(ssn) from customers) like ?", "'917%'", "'918%'"
    ),
    swap(
        "cross-join-count",
        "select count(*) from orders o, customers c where c.ssn like ?",
        "'917%'",
        "'918%'",
    ),
    swap(
        "set-config-oracle",
        "select set_config('my.x', (select (ssn like ?)::text from customers limit 1), false)",
        "'917%'",
        "'918%'",
    ),
    swap(
        "error-oracle",
        "select case when ssn like ? then 1 else 1/(id-id) end from customers limit 1",
        "'917%'",
        "'918%'",
    ),
    swap(
        "custom-operator",
        "select id from customers where full_name || 'x' === ?",
        "'Zebulon Quixmarkerx'",
        "'x'",
    ),
    swap(
        "explain-rows",
        "explain (analyze, timing off, summary off, costs off) select id from customers where ssn like ?",
        "'917%'",
        "'918%'",
    ),
    swap(
        "explain-estimate",
        "explain select id from crowd where email < ?",
        "'zqcrowd2'",
        "'zqcrowd8'",
    ),
    swap(
        "copy-where",
        "copy (select id from customers where ssn like ?) to stdout",
        "'917%'",
        "'918%'",
    ),
    swap(
        "tablesample-repeatable", "select id from customers where hashtext(ssn) % 2 = ?", "0", "1"
    ),
    swap(
        "merge-recursive",
        "with recursive r(n) as (select 1 union all select n + 1 from r where n < 5 and "
        "(select min(ssn) from customers) like ?) select n from r",
        "'917%'",
        "'918%'",
    ),
    swap(
        "check-inet",
        "select id from customers where (case when ssn like ? then 'x' else '1' end)::int = 1",
        "'917%'",
        "'918%'",
    ),
)
