use super::*;
use portreeve_web::CanonicalPath;

const PEOPLE: &str = r##"
openapi: 3.1.0
info: {title: people, version: "1"}
servers: [{url: https://api.example/v1}]
paths:
  /people:
    get: {responses: {200: {$ref: "#/components/responses/People"}}}
    post:
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/Person"}}}}
      responses: {}
  /people/search:
    post: {x-portreeve-effect: read, responses: {}}
  /people/{name}:
    parameters:
      - {name: name, in: path, required: true, schema: {type: string}}
    get:
      responses:
        "200":
          headers: {X-Owner: {schema: {type: string}, x-portreeve-category: email}}
          content: {application/json: {schema: {$ref: "#/components/schemas/Person"}}}
    delete: {responses: {}}
  /by-email/{email}:
    get:
      parameters:
        - {name: email, in: path, required: true, schema: {$ref: "#/components/schemas/Email"}}
        - {name: near, in: query, x-portreeve-category: address}
      responses: {}
  /orders/{number}:
    get:
      parameters: [{name: number, in: path, schema: {type: integer}}]
      responses: {}
components:
  responses:
    People:
      content:
        application/json:
          schema: {type: array, items: {$ref: "#/components/schemas/Person"}}
  schemas:
    Email: {type: string, format: email, x-portreeve-category: email}
    Person:
      type: object
      properties:
        mail: {$ref: "#/components/schemas/Email"}
        manager: {$ref: "#/components/schemas/Person"}
        phones:
          type: object
          additionalProperties: {type: string, x-portreeve-category: phone}
        notes:
          type: object
          additionalProperties:
            properties: {text: {type: string, x-portreeve-category: health}}
        pet: {oneOf: [{properties: {tag: {x-portreeve-category: name}}}, {type: "null"}]}
"##;

fn read(text: &str) -> Document {
    Document::read(text.as_bytes(), Writing::Yaml).unwrap()
}

fn refused(text: &str) -> String {
    Document::read(text.as_bytes(), Writing::Yaml).unwrap_err().to_string()
}

fn with_paths(paths: &str) -> String {
    format!("openapi: 3.0.3\npaths:\n  {paths}\n")
}

fn category(document: &Document, route: &str, field: &str) -> Option<String> {
    document.category_of(route, field).map(|category| category.0.clone())
}

#[test]
fn fields_are_called_by_their_key_and_the_one_around_it() {
    let document = read(PEOPLE);
    let check = |route: &str, field: &str, expect: &str| {
        assert_eq!(category(&document, route, field).as_deref(), Some(expect), "{route} {field}");
    };
    for route in ["/v1/people", "/v1/people/{id}"] {
        check(route, "mail", "email");
        check(route, "manager.mail", "email");
        check(route, "phones", "phone");
        check(route, "manager.phones", "phone");
        check(route, "text", "health");
        check(route, "pet.tag", "name");
    }
    check("/v1/people/{id}", "x-owner", "email");
    check("/v1/by-email/{id}", "email", "email");
    check("/v1/by-email/{id}", "near", "address");
    assert_eq!(category(&document, "/v1/people/search", "mail"), None);
    let summary = document.summary();
    assert_eq!((summary.path_count, summary.operation_count), (5, 7));
    assert_eq!(summary.unused, [""; 0]);
}

#[test]
fn what_is_said_by_a_format_alone_is_a_proposal() {
    let text = with_paths(
        "/a: {get: {responses: {200: {content: {x: {schema: {properties: {mail: {format: email}}}}}}}}}",
    );
    let document = read(&text);
    assert!(document.fields().is_empty());
    let [proposal] = document.summary().proposals.as_slice() else { panic!("one") };
    assert!(
        proposal.contains("properties.mail") && proposal.contains("x-portreeve-category: email")
    );
}

#[test]
fn effects_are_those_of_operations() {
    let document = read(PEOPLE);
    let of = |path: &str, method: &str| {
        let path = CanonicalPath::read(path).unwrap();
        let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
        let found = document.templates().of(&segments, |_| true);
        found.first().map(|(_, known)| known.of(&method.parse().unwrap()))
    };
    assert_eq!(of("/v1/people/search", "POST"), Some(Described::Here(Some(Action::Read))));
    assert_eq!(of("/v1/people", "POST"), Some(Described::Here(None)));
    assert_eq!(of("/v1/people", "HEAD"), Some(Described::Here(None)));
    assert_eq!(of("/v1/people", "OPTIONS"), Some(Described::Here(None)));
    assert_eq!(of("/v1/people", "DELETE"), Some(Described::Missing));
    assert_eq!(of("/people", "GET"), None);
    assert_eq!(of("/v1/orders/42", "GET"), Some(Described::Here(None)));
    assert_eq!(of("/v1/orders/all", "GET"), None);
}

#[test]
fn what_cannot_be_followed_is_refused_with_its_place() {
    let check = |text: &str, expect: &str| {
        let why = refused(text);
        assert!(why.contains(expect) && why.contains("hint:"), "{why}");
    };
    check("swagger: '2.0'", "Swagger 2.0");
    check("openapi: 4.0.0", "`openapi: 4.0.0` is not read");
    check("a: 1", "it has no `openapi`");
    check("openapi: [", "the document");
    check(
        &with_paths("/a: {get: {x-portreeve-effect: reads}}"),
        "paths./a.get: `x-portreeve-effect` says neither",
    );
    check(&with_paths("/a: {get: {x-portreeve-efect: read}}"), "`x-portreeve-efect` is not known");
    check(&with_paths("/a: {$ref: other.yaml}"), "`$ref: other.yaml` is no place of this document");
    check(&with_paths("/a: {$ref: '#/nowhere'}"), "names what is not there");
    check(&with_paths("/a: {$ref: '#/paths/~1a'}"), "leads back to itself");
    let schema = |schema: &str| {
        with_paths(&format!(
            "/a: {{post: {{requestBody: {{content: {{x: {{schema: {schema}}}}}}}}}}}"
        ))
    };
    check(&schema("{x-portreeve-category: email}"), "no field has a name");
    check(&schema("{items: {x-portreeve-category: email}}"), "no field has a name");
    check(
        &schema("{properties: {a: {x-portreeve-category: Email}}}"),
        "`x-portreeve-category: Email` is no category",
    );
    check(&schema("{properties: {a: {x-portreeve-category: unknown}}}"), "is no category");
    check(&schema("{properties: {a: {$ref: 'https://x/y'}}}"), "`a`: `$ref: https://x/y`");
    check(&schema("{properties: {a: {$dynamicRef: '#x'}}}"), "`$dynamicRef` is not followed");
    check(
        &schema(
            "{allOf: [{properties: {a: {x-portreeve-category: email}}}, {properties: {a: {x-portreeve-category: name}}}]}",
        ),
        "the field `a` is",
    );
}

/// A schema that is its own part in many ways, and one that doubles with each step.
#[test]
fn schemas_that_hold_each_other_end() {
    let mut schemas = String::new();
    for at in 0..60 {
        let next = at + 1;
        schemas.push_str(&format!(
            "    S{at}: {{properties: {{a: {{$ref: '#/components/schemas/S{next}'}}, b: {{$ref: '#/components/schemas/S{next}'}}, c: {{$ref: '#/components/schemas/S0'}}}}}}\n"
        ));
    }
    schemas.push_str("    S60: {properties: {mail: {x-portreeve-category: email}}}\n");
    let text = format!(
        "openapi: 3.1.0\npaths:\n  /a: {{get: {{responses: {{200: {{content: {{x: {{schema: {{$ref: '#/components/schemas/S0'}}}}}}}}}}}}}}\ncomponents:\n  schemas:\n{schemas}"
    );
    let document = read(&text);
    assert_eq!(category(&document, "/a", "a.mail").as_deref(), Some("email"));
    assert_eq!(category(&document, "/a", "b.mail").as_deref(), Some("email"));
}

#[test]
fn what_nothing_follows_is_told() {
    let document = read(
        "openapi: 3.0.0\npaths:\n  '/a?b={c}': {get: {responses: {}}}\n  /d: {x-portreeve-effect: read, get: {responses: {}}}\ncomponents: {schemas: {A: {x-portreeve-category: email}}}",
    );
    let unused = document.summary().unused.join("\n");
    for words in [
        "`paths./a?b={c}` is not used",
        "`x-portreeve-effect` of `paths./d`",
        "`components.schemas.A`",
    ] {
        assert!(unused.contains(words), "{unused}");
    }
}

#[test]
fn json_is_read_as_json() {
    let document =
        Document::read(br#"{"openapi": "3.0.1", "paths": {"/a": {"get": {}}}}"#, Writing::Json);
    assert_eq!(document.unwrap().summary().path_count, 1);
}
