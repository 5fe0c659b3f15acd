//! The tools of the gateway's own server.

use super::{Calling, Offers, Query, Rows, Run, Trouble};
use crate::message::Call;
use portreeve_model::Chain;
use serde_json::{Map, Value, json};

/// Rows that a caller gets who does not say how many.
const ROWS: u64 = 100;
/// Rows that a caller gets at most.
const ROWS_MAX: u64 = 1_000;

/// What can be seen of a database, and how each column is to be asked for.
const DESCRIBE: &str = "select table_schema, table_name, column_name, data_type, is_nullable \
    from information_schema.columns \
    where table_schema not in ('pg_catalog', 'information_schema') \
    order by table_schema, table_name, ordinal_position";

/// A tool's answer.
pub(super) struct Answered {
    value: Value,
    is_error: bool,
}

/// Why a call cannot be answered, in words for a model.
struct Unclear(String);

/// The tools, as a client lists them.
pub(super) fn tools() -> Value {
    let text = |about: &str| json!({"type": "string", "description": about});
    let tool = |name: &str, about: &str, properties: Value, required: Value, reads: bool| {
        json!({
            "name": name,
            "description": about,
            "inputSchema": {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            },
            "annotations": {"readOnlyHint": reads},
        })
    };
    let resource = text("The name of a resource, from `list_resources`.");
    let sql = text("One statement in the language of the database.");
    let rows = json!({"type": "integer", "minimum": 1, "maximum": ROWS_MAX, "default": ROWS});
    let asked = json!({"resource": resource, "sql": sql});
    json!([
        tool("whoami", "Says for whom you act, and why.", json!({}), json!([]), true),
        tool("list_resources", "Lists what is behind the gateway.", json!({}), json!([]), true),
        tool(
            "describe",
            "Lists the tables and columns of a resource that you may see.",
            json!({"resource": resource}),
            json!(["resource"]),
            true,
        ),
        tool(
            "query",
            "Runs a statement. Personal data is masked unless policy reveals it. Where a person \
             has to agree, gives the id of a review.",
            json!({"resource": resource, "sql": sql, "rows_max": rows}),
            json!(["resource", "sql"]),
            false,
        ),
        tool(
            "dry_run",
            "Says whether a statement would be refused, or held until a person approves it, which \
             columns it would give, and has the database estimate it; does not run it, and asks \
             nobody.",
            asked,
            json!(["resource", "sql"]),
            true,
        ),
        tool(
            "check_review",
            "Says what has become of a review.",
            json!({"review": text("Its id.")}),
            json!(["review"]),
            true,
        ),
    ])
}

impl Answered {
    /// Answers a call of a tool.
    pub(super) async fn to(offers: &dyn Offers, calling: &Calling<'_>, call: &Call) -> Self {
        let none = Map::new();
        let arguments = call.params.get("arguments").and_then(Value::as_object);
        let asked = Asked { offers, calling, arguments: arguments.unwrap_or(&none) };
        let name = call.params.get("name").and_then(Value::as_str).unwrap_or_default();
        match asked.answer(name).await {
            Ok(answered) => answered,
            Err(Unclear(why)) => Self { value: json!({"error": why}), is_error: true },
        }
    }

    /// As the protocol has it: the same as text and as a structure.
    pub(super) fn into_result(self) -> Value {
        let text = serde_json::to_string_pretty(&self.value).unwrap_or_default();
        json!({
            "content": [{"type": "text", "text": text}],
            "structuredContent": self.value,
            "isError": self.is_error,
        })
    }

    fn good(value: Value) -> Self {
        Self { value, is_error: false }
    }

    fn of(asked: Result<Rows, Trouble>) -> Self {
        match asked {
            Ok(rows) => Self::good(json!({
                "columns": rows.columns,
                "rows": rows.rows,
                "count": rows.count,
                "cut_off": rows.is_cut,
            })),
            Err(trouble) => Self { value: told(&trouble), is_error: true },
        }
    }
}

fn told(trouble: &Trouble) -> Value {
    json!({
        "code": trouble.code,
        "error": trouble.message,
        "detail": trouble.detail,
        "hint": trouble.hint,
    })
}

struct Asked<'a> {
    offers: &'a dyn Offers,
    calling: &'a Calling<'a>,
    arguments: &'a Map<String, Value>,
}

impl Asked<'_> {
    async fn answer(&self, name: &str) -> Result<Answered, Unclear> {
        Ok(match name {
            "whoami" => Answered::good(who(&self.calling.identity.chain)),
            "list_resources" => {
                let of = |one: super::Offered| {
                    let (name, protocol) = (one.name, one.protocol);
                    json!({"name": name, "protocol": protocol, "query": one.takes_statements})
                };
                let all: Vec<Value> = self.offers.resources().into_iter().map(of).collect();
                Answered::good(json!({"resources": all}))
            }
            "describe" => {
                let query = self.statement(DESCRIBE, ROWS_MAX, Run::Now)?;
                Answered::of(self.offers.query(query).await)
            }
            "query" => {
                let rows_max = match self.arguments.get("rows_max") {
                    None => ROWS,
                    Some(count) => count
                        .as_u64()
                        .filter(|count| (1..=ROWS_MAX).contains(count))
                        .ok_or_else(|| Unclear(format!("`rows_max` is from 1 to {ROWS_MAX}")))?,
                };
                let query = self.statement(self.text("sql")?, rows_max, Run::Now)?;
                Answered::of(self.offers.query(query).await)
            }
            "dry_run" => self.dry_run().await?,
            "check_review" => {
                let (token, client) = (self.calling.token, self.calling.client);
                let found = self.offers.review(token, client, self.text("review")?).await;
                Answered::good(found.map_err(Unclear)?)
            }
            other => return Err(Unclear(format!("there is no tool `{other}`"))),
        })
    }

    fn text(&self, name: &str) -> Result<&str, Unclear> {
        let value = self.arguments.get(name).and_then(Value::as_str);
        value.filter(|text| !text.is_empty()).ok_or_else(|| Unclear(format!("`{name}` is missing")))
    }

    fn statement<'s>(
        &'s self,
        sql: &'s str,
        rows_max: u64,
        run: Run,
    ) -> Result<Query<'s>, Unclear> {
        let resource = self.text("resource")?;
        let known = self.offers.resources();
        if !known.iter().any(|one| one.name == resource && one.takes_statements) {
            let why = format!("`{resource}` takes no statements; `list_resources` says which do");
            return Err(Unclear(why));
        }
        Ok(Query {
            token: self.calling.token,
            client: self.calling.client,
            resource,
            sql,
            rows_max: usize::try_from(rows_max).unwrap_or(usize::MAX),
            run,
        })
    }

    /// The verdict and the columns, then the estimate where the database gives one.
    async fn dry_run(&self) -> Result<Answered, Unclear> {
        let sql = self.text("sql")?;
        let decided = self.offers.query(self.statement(sql, 1, Run::Never)?).await;
        let columns = match decided {
            Ok(rows) => rows.columns,
            Err(trouble) => {
                let mut value = told(&trouble);
                value["verdict"] = match trouble.is_held {
                    true => "held for approval",
                    false => "refused",
                }
                .into();
                return Ok(Answered::good(value));
            }
        };
        // With a list of options, `ANALYZE` in front of the statement is no option of it.
        let explain = format!("EXPLAIN (FORMAT TEXT) {sql}");
        let estimate =
            match self.offers.query(self.statement(&explain, ROWS_MAX, Run::Unasked)?).await {
                Ok(rows) => json!(rows.rows.into_iter().flatten().flatten().collect::<Vec<_>>()),
                Err(trouble) => json!({"none": trouble.message}),
            };
        Ok(Answered::good(json!({
            "verdict": "not refused before it runs",
            "columns": columns,
            "estimate": estimate,
        })))
    }
}

fn who(chain: &Chain) -> Value {
    let actors: Vec<&str> = chain.actors.iter().map(|actor| actor.subject.as_str()).collect();
    json!({
        "principal": chain.principal.subject,
        "issuer": chain.principal.issuer,
        "groups": chain.principal.groups,
        "actors": actors,
        "purpose": chain.purpose,
    })
}
