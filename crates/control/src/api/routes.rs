//! Routes together with what the OpenAPI document says of them: there is no way to serve one
//! that the document does not know.

use super::ApiState;
use super::error::{ErrorAnswer, ErrorCode};
use axum::Router;
use axum::handler::Handler;
use axum::http::{StatusCode, header};
use axum::routing::{MethodFilter, on};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// Who may call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    /// Whoever reaches the port.
    Anyone,
    /// Whoever has an access token.
    Token,
    /// Members of a review's groups, themselves.
    Reviewer,
    /// Members of the group `operators`, themselves.
    Operator,
    /// Members of the groups `operators` and `auditors`, themselves.
    OperatorOrAuditor,
    /// Members of the groups in `evidence.custodians`, and of `auditors`.
    CustodianOrAuditor,
    /// Members of the groups in `evidence.custodians`, themselves.
    Custodian,
}

impl Access {
    fn about(self) -> &'static str {
        match self {
            Self::Anyone => "For anyone.",
            Self::Token => "For anyone with an access token.",
            Self::Reviewer => "For members of the review's groups, with a token of their own.",
            Self::Operator => "For members of `operators`, without an actor.",
            Self::OperatorOrAuditor => {
                "For members of `operators` and `auditors`, without an actor."
            }
            Self::CustodianOrAuditor => "For custodians of the evidence and `auditors`.",
            Self::Custodian => "For custodians of the evidence, with a token of their own.",
        }
    }
}

/// What the document says of one method of one path.
#[derive(Clone)]
pub(super) struct Operation {
    method: &'static str,
    path: &'static str,
    tag: &'static str,
    summary: &'static str,
    access: Access,
    query: Vec<(&'static str, &'static str, SchemaOf)>,
    body: Option<(&'static str, SchemaOf)>,
    answers: Vec<(StatusCode, &'static str, Content)>,
    errors: Vec<ErrorCode>,
}

#[derive(Clone, Copy)]
enum Content {
    Json(SchemaOf),
    Text(&'static str),
    Nothing,
}

impl Operation {
    pub(super) fn get(
        path: &'static str,
        tag: &'static str,
        summary: &'static str,
        access: Access,
    ) -> Self {
        Self::new("get", path, (tag, summary), access)
    }

    pub(super) fn post(
        path: &'static str,
        tag: &'static str,
        summary: &'static str,
        access: Access,
    ) -> Self {
        Self::new("post", path, (tag, summary), access)
    }

    fn new(
        method: &'static str,
        path: &'static str,
        (tag, summary): (&'static str, &'static str),
        access: Access,
    ) -> Self {
        let errors = match access {
            Access::Anyone => Vec::new(),
            Access::Token
            | Access::Reviewer
            | Access::Operator
            | Access::OperatorOrAuditor
            | Access::CustodianOrAuditor
            | Access::Custodian => vec![
                ErrorCode::NoToken,
                ErrorCode::InvalidToken,
                ErrorCode::TooManyFailures,
                ErrorCode::Unavailable,
            ],
        };
        let (query, answers) = (Vec::new(), Vec::new());
        Self { method, path, tag, summary, access, query, body: None, answers, errors }
    }

    /// A parameter that need not be there.
    pub(super) fn query<T: JsonSchema>(mut self, name: &'static str, about: &'static str) -> Self {
        self.query.push((name, about, SchemaGenerator::subschema_for::<T>));
        self
    }

    /// The body that it takes.
    pub(super) fn takes<T: JsonSchema>(self) -> Self {
        self.takes_as::<T>("application/json")
    }

    /// The fields of a form that it takes.
    pub(super) fn takes_form<T: JsonSchema>(self) -> Self {
        self.takes_as::<T>("application/x-www-form-urlencoded")
    }

    fn takes_as<T: JsonSchema>(mut self, media: &'static str) -> Self {
        self.body = Some((media, SchemaGenerator::subschema_for::<T>));
        self.errors(&[ErrorCode::BadRequest])
    }

    pub(super) fn answers<T: JsonSchema>(
        mut self,
        status: StatusCode,
        about: &'static str,
    ) -> Self {
        self.answers.push((status, about, Content::Json(SchemaGenerator::subschema_for::<T>)));
        self
    }

    pub(super) fn answers_text(mut self, media: &'static str, about: &'static str) -> Self {
        self.answers.push((StatusCode::OK, about, Content::Text(media)));
        self
    }

    pub(super) fn answers_nothing(mut self, about: &'static str) -> Self {
        self.answers.push((StatusCode::OK, about, Content::Nothing));
        self
    }

    pub(super) fn errors(mut self, codes: &[ErrorCode]) -> Self {
        self.errors.extend(
            codes.iter().filter(|code| !self.errors.contains(code)).copied().collect::<Vec<_>>(),
        );
        self
    }

    fn describe(&self, schemas: &mut Schemas) -> Value {
        let mut described = json!({
            "operationId": self.id(),
            "tags": [self.tag],
            "summary": self.summary,
            "description": self.access.about(),
        });
        let in_path = self.path.split('/').filter_map(|part| {
            let name = part.strip_prefix('{')?.strip_suffix('}')?;
            Some(
                json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}),
            )
        });
        let in_query = self.query.iter().map(|(name, about, schema)| {
            let schema = schema(&mut schemas.answers);
            json!({"name": name, "in": "query", "description": about, "schema": schema})
        });
        let parameters: Vec<Value> = in_path.chain(in_query).collect();
        if !parameters.is_empty() {
            described["parameters"] = parameters.into();
        }
        if let Some((media, body)) = self.body {
            let schema = body(&mut schemas.bodies);
            described["requestBody"] =
                json!({"required": true, "content": {media: {"schema": schema}}});
        }
        described["responses"] = self.responses(schemas);
        if self.access != Access::Anyone {
            described["security"] = json!([{"token": []}]);
        }
        described
    }

    fn id(&self) -> String {
        let parts = self.path.split(['/', '.', '-']).filter(|part| !part.is_empty());
        let words = parts.map(|part| part.trim_matches(['{', '}']));
        std::iter::once(self.method).chain(words).collect::<Vec<_>>().join("_")
    }

    fn responses(&self, schemas: &mut Schemas) -> Value {
        let mut responses = BTreeMap::new();
        for (status, about, content) in &self.answers {
            let mut answer = json!({"description": about});
            match content {
                Content::Json(schema) => {
                    let schema = schema(&mut schemas.answers);
                    answer["content"] = json!({"application/json": {"schema": schema}});
                }
                Content::Text(media) => {
                    answer["content"] = json!({*media: {"schema": {"type": "string"}}});
                }
                Content::Nothing => {}
            }
            responses.insert(status.as_u16(), answer);
        }
        let mut codes = BTreeMap::<u16, Vec<String>>::new();
        for code in &self.errors {
            codes.entry(code.status().as_u16()).or_default().push(format!("`{}`", code.word()));
        }
        for (status, words) in codes {
            let schema = schemas.answers.subschema_for::<ErrorAnswer>();
            let content = json!({"application/json": {"schema": schema}});
            let error = json!({"description": words.join(", "), "content": content});
            responses.entry(status).or_insert(error);
        }
        let named = responses.into_iter().map(|(status, answer)| (status.to_string(), answer));
        Value::Object(named.collect())
    }
}

/// Schemas of what is sent and of what is taken: they differ in what may be left out.
struct Schemas {
    answers: SchemaGenerator,
    bodies: SchemaGenerator,
}

/// Every route, and the document of them.
pub(super) struct Routes {
    router: Router<Arc<ApiState>>,
    paths: Map<String, Value>,
    schemas: Schemas,
}

impl Routes {
    pub(super) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        let schemas = Schemas {
            answers: settings().for_serialize().into_generator(),
            bodies: settings().for_deserialize().into_generator(),
        };
        Self { router: Router::new(), paths: Map::new(), schemas }
    }

    pub(super) fn route<H, T>(mut self, operation: Operation, handler: H) -> Self
    where
        H: Handler<T, Arc<ApiState>>,
        T: 'static,
    {
        let method = match operation.method {
            "post" => MethodFilter::POST,
            _ => MethodFilter::GET,
        };
        self.router = self.router.route(operation.path, on(method, handler));
        self.describe(&operation);
        self
    }

    fn describe(&mut self, operation: &Operation) {
        let described = operation.describe(&mut self.schemas);
        let path = self.paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = described;
    }

    /// The routes, the one with the document among them, and the document.
    pub(super) fn finish(mut self) -> (Router<Arc<ApiState>>, Value) {
        let operation = Operation::get(DOCUMENT, "gateway", "This document", Access::Anyone)
            .answers::<Map<String, Value>>(StatusCode::OK, "OpenAPI 3.1.");
        self.describe(&operation);
        let mut schemas = self.schemas.answers.take_definitions(true);
        for (name, schema) in self.schemas.bodies.take_definitions(true) {
            schemas.entry(name).or_insert(schema);
        }
        schemas.sort_keys();
        let document = json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Portreeve",
                "version": env!("CARGO_PKG_VERSION"),
                "description": ABOUT,
                "license": {
                    "name": env!("CARGO_PKG_LICENSE"),
                    "identifier": env!("CARGO_PKG_LICENSE"),
                },
            },
            "paths": self.paths,
            "components": {
                "schemas": schemas,
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
        });
        let text = document.to_string();
        let json = [(header::CONTENT_TYPE, "application/json")];
        let serve = move || std::future::ready((json, text.clone()));
        (self.router.route(DOCUMENT, on(MethodFilter::GET, serve)), document)
    }
}

const DOCUMENT: &str = "/v1/openapi.json";
const ABOUT: &str = "The API of a Portreeve gateway: health, identity, reviews, open sessions, \
                     custody of the evidence. JSON in, JSON out. Names that end in `_us` are \
                     microseconds since 1970 UTC. A request that takes longer than 10 s gets no \
                     answer (408).";
