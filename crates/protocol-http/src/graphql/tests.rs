use super::*;
use portreeve_web::CanonicalQuery;

fn read(method: &str, query: Option<&str>, body: &str) -> Result<Option<Graphql>, String> {
    let query = CanonicalQuery::read(query.unwrap_or_default()).unwrap();
    let sent = Sent {
        method: &method.parse().unwrap(),
        parameters: &query.pairs,
        content_type: Some("application/json; charset=utf-8"),
        body: body.as_bytes(),
    };
    Graphql::read("/graphql", sent)
}

fn post(body: &str) -> Result<Option<Graphql>, String> {
    read("POST", None, body)
}

#[test]
fn an_operation_is_what_it_asks_for() {
    let check = |body: &str, action: Action, tops: &[&str]| {
        let read = post(body).unwrap().unwrap();
        assert_eq!(read.action(), action, "{body}");
        assert_eq!(read.tops().iter().map(String::as_str).collect::<Vec<_>>(), tops, "{body}");
    };
    check(
        r#"{"query": "{ a: People { id } b: orders { id } }"}"#,
        Action::Read,
        &["/graphql/query/orders", "/graphql/query/people"],
    );
    check(
        r#"{"query": "query A { a } mutation B { b }", "operationName": "B"}"#,
        Action::Write,
        &["/graphql/mutation/b"],
    );
    check(
        r#"{"query": "{ ...F } fragment F on Query { a }", "variables": null}"#,
        Action::Read,
        &["/graphql/query/a"],
    );
    let get = read("GET", Some("query=%7Ba%7D&variables=%7B%22b%22:1%7D"), "").unwrap().unwrap();
    assert!(get.said().names.contains_key("b"));
    assert_eq!(read("OPTIONS", None, ""), Ok(None));
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    let check = |body: &str, expect: &str| {
        let why = post(body).unwrap_err();
        assert!(why.contains(expect), "{body}: {why}");
    };
    check(r#"[{"query": "{ a }"}]"#, "one operation");
    check(r#"{"query": "{ a }", "query": "mutation { b }"}"#, "twice");
    check(r#"{"query": "{ a }", "Query": "mutation { b }"}"#, "`Query` is not read");
    check(r#"{"query": "query A { a } mutation B { b }"}"#, "none is named");
    check(r#"{"query": "query A { a } mutation A { b }", "operationName": "A"}"#, "two operations");
    check(r#"{"query": "query A { a }", "operationName": "B"}"#, "no operation `B`");
    check(r#"{"query": "subscription { a }"}"#, "subscriptions");
    check(r#"{"query": "{ a }", "extensions": {"persistedQuery": {"sha256Hash": "x"}}}"#, "hash");
    check(r#"{"id": "4711"}"#, "`id` is not read");
    check(r#"{"variables": {}}"#, "there is no `query`");
    check(r#"{"query": 1}"#, "`query` is no text");
    check(r#"{"query": "fragment F on A { b }"}"#, "no operation");
    check(r#"{"query": "{ a }", "variables": "{}"}"#, "`variables` is no object");
    check("{", "EOF");
    for (method, query) in [
        ("GET", "query={a}&query=mutation{b}"),
        ("GET", "query=mutation{b}"),
        ("GET", "query={a}&Query={b}"),
        ("GET", "id=1"),
        ("POST", "query={a}"),
        ("POST", "OPERATIONNAME=a"),
        ("PUT", ""),
    ] {
        assert!(read(method, Some(query), r#"{"query": "{ a }"}"#).is_err(), "{method} {query}");
    }
}

/// However it is cut and changed.
#[test]
fn whatever_is_sent_is_read_or_refused() {
    let seeds = [
        "query Q($a: [B!] = [{c: \"\\u{1F600}\\n\"}]) @d(e: -1.5e3) { f: g(h: $a, i: J) { ...K ... on L @m { n } } }",
        "fragment K on O { \"\"\"p \\\"\"\" q\"\"\" } # r\n mutation { s(t: \"\"\"u\"\"\") }",
    ];
    let signs =
        ['{', '}', '(', ')', '"', '\\', '#', ':', '$', '@', '.', '\n', '\u{e9}', '\u{feff}'];
    for seed in seeds {
        for (at, _) in seed.char_indices() {
            let (before, behind) = seed.split_at(at);
            let rest: String = behind.chars().skip(1).collect();
            let changed = signs.iter().map(|sign| format!("{before}{sign}{rest}"));
            for text in changed.chain([before.to_owned(), behind.to_owned()]) {
                if let Ok(document) = Document::read(&text) {
                    for operation in &document.operations {
                        let _ = Selected::of(&document, operation, None);
                    }
                }
            }
        }
    }
}

/// What is written again and again takes no longer than its length.
#[test]
fn long_documents_are_read_in_time() {
    for part in ["a ", "\"\"\"", "\\\"\"\"", "{a", "[", "...", "#\n", "a:", "$a:b", "\"\\u{", "@a("]
    {
        for begin in ["", "{a(b:\"\"\"", "{a(b:["] {
            let text = format!("{begin}{}", part.repeat(QUERY_BYTES_MAX / part.len()));
            let begun = std::time::Instant::now();
            let _ = Document::read(&text);
            assert!(begun.elapsed().as_secs() < 5, "{begin} {part}");
        }
    }
}

#[test]
fn each_value_that_is_compared_counts() {
    let check = |query: &str, variables: &str, expect: u64| {
        let (query, variables) = (serde_json::Value::from(query), variables.trim());
        let variables = if variables.is_empty() { "null" } else { variables };
        let body = format!(r#"{{"query":{query},"variables":{variables}}}"#);
        let read = post(&body).unwrap().unwrap();
        assert_eq!(read.said().names.get("city"), Some(&expect), "{query}");
    };
    check(r#"{ a(city: "Bern") { id } }"#, "", 1);
    let aliases: String =
        (0..200).map(|at| format!("a{at}: p(where: {{city: \"{at}\"}}) {{ id }} ")).collect();
    check(&format!("{{ {aliases} }}"), "", 200);
    check(r#"{ a(where: {city: {in: ["Bern", "Basel"]}}) { id } }"#, "", 2);
    check(r#"{ a(city: "Bern,Basel,Chur") { id } }"#, "", 3);
    check("query($c: [String]) { a(city: $c) { id } }", r#"{"c": ["a", "b", "c"]}"#, 3);
    check("query($city: String) { a(city: $city) { id } }", r#"{"city": "a"}"#, 1);
    check("query($c: [String] = [\"a\", \"b\"]) { a(city: $c) { id } }", "", 2);
    let (declared, used): (String, String) = (0..50)
        .map(|at| (format!("$w{at}: W "), format!("a{at}: p(where: $w{at}) {{ id }} ")))
        .unzip();
    let held: Vec<String> = (0..50).map(|at| format!(r#""w{at}": {{"city": "c{at}"}}"#)).collect();
    let held = format!("{{{}}}", held.join(","));
    check(&format!("query({declared}) {{ {used} }}"), &held, 50);
    check("{ ...F b: x { ...F } } fragment F on Q { a(city: \"Bern\") { id } }", "", 2);
}

#[test]
fn what_is_said_a_thousand_times_has_a_bound() {
    let arguments: String = (0..100).map(|at| format!("a{at}: {at} ")).collect();
    let spreads: String = (0..200).map(|at| format!("x{at}: y {{ ...F }} ")).collect();
    let query = format!("{{ {spreads} }} fragment F on Q {{ f({arguments}) }}");
    let why = post(&serde_json::json!({ "query": query }).to_string()).unwrap_err();
    assert!(why.contains("arguments and values"), "{why}");
}
