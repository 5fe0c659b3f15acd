//! `portreeve policy`: for people who write policies. Needs no gateway.

use super::options::ConfigOption;
use super::output::{Format, fields, print, print_json, remark, table};
use anyhow::{Context as _, bail};
use portreeve_decide::policy::{
    Ask, Beyond, Context, Counters, Explained, Policies, PolicyError, RuleSummary, Threshold,
    object_named,
};
use portreeve_model::{
    Action, Category, Chain, Change, Counter, Decision, Facts, Need, Object, Party, PartyKind,
    RuleId, Scope, Unit, Usage, Verdict,
};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Check policies, and ask which rules decide.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve policy check policies/*.cedar\n  \
    portreeve policy explain --person ann=analysts --actor planner=agents \\\n    \
    --resource shop --action read --object public.customers --rows 5000\n  \
    portreeve policy schema > portreeve.cedarschema   # for your editor")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check policies, and list their rules.
    Check(Sources),
    /// Say which rules decide about an action on an object, hop by hop.
    ///
    /// The exit code is 0 when it is allowed, 1 when it is denied or held for review.
    Explain(Box<Explain>),
    /// Print the Cedar schema that policies are checked against.
    Schema,
}

#[derive(Debug, clap::Args)]
struct Sources {
    /// The policies; without any, those of the configuration.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    config: ConfigOption,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("principal").required(true))]
struct Explain {
    /// The person on whose behalf everything happens.
    #[arg(long, value_name = "NAME[=GROUP,…]", group = "principal")]
    person: Option<String>,
    /// The service on whose behalf everything happens.
    #[arg(long, value_name = "NAME[=GROUP,…]", group = "principal")]
    service: Option<String>,
    /// An actor, in order of delegation. Can be given several times.
    #[arg(long = "actor", value_name = "NAME[=GROUP,…]")]
    actors: Vec<String>,
    /// The issuer of all names.
    #[arg(long, default_value = "local")]
    issuer: String,
    /// The purpose that the token says.
    #[arg(long)]
    purpose: Option<String>,
    /// The purpose that the connection states and nobody vouches for.
    #[arg(long)]
    stated_purpose: Option<String>,
    /// The resource.
    #[arg(long)]
    resource: String,
    /// connect, read, write, define, administer, execute, lock, filter, probe or reveal.
    #[arg(long, value_parser = action)]
    action: Action,
    /// The object in the resource: `schema.table`, `schema.table.column` or
    /// `schema.function()`; the resource itself when it is left out.
    #[arg(long, default_value = "", value_parser = object)]
    object: Object,
    /// The category of the column.
    #[arg(long)]
    category: Option<String>,
    /// The verb of the command.
    #[arg(long, default_value = "SELECT")]
    verb: String,
    /// How far what the command writes is limited by a condition.
    #[arg(long, value_enum, value_name = "REACH")]
    writes: Option<Writes>,
    /// What the command does to definitions.
    #[arg(long, value_enum, value_name = "CHANGE")]
    change: Option<Changes>,
    /// Whether every row of the answer is computed from any number of rows.
    #[arg(long)]
    aggregated: bool,
    /// Constants that classified columns are compared with for equality.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    announced_probes: u64,
    /// Nobody tells how many rows it changes (`TRUNCATE`, a write inside of a query).
    #[arg(long)]
    untold: bool,
    /// Rows of the command so far; the same as `--used rows=COUNT`.
    #[arg(long, default_value_t = 0)]
    rows: u64,
    /// Rows of the session before the command; the same as `--used session_rows=COUNT`.
    #[arg(long, default_value_t = 0)]
    session_rows: u64,
    /// What had been counted: `bytes` of the command so far, `session_bytes` and `day_bytes`
    /// before it, and so on for every unit. Can be given several times.
    #[arg(long, value_name = "COUNTER=COUNT", value_parser = used)]
    used: Vec<(Counter, u64)>,
    /// The moment, such as 2026-12-31T23:59:00Z; now when it is left out.
    #[arg(long, value_name = "TIME")]
    at: Option<jiff::Timestamp>,
    #[command(flatten)]
    sources: Sources,
}

/// How far what a command writes is limited.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Writes {
    /// By a condition.
    Bounded,
    /// By none.
    Unbounded,
}

/// What a command does to definitions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Changes {
    /// Something new comes into being.
    Create,
    /// Something that is there becomes another.
    Change,
    /// Something that is there goes.
    Drop,
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Check(sources) => match Policies::load(&read(&sources)?) {
            Ok(policies) => check(&policies, format),
            Err(error) => invalid(&error, format),
        },
        Command::Explain(explain) => match Policies::load(&read(&explain.sources)?) {
            Ok(policies) => explain_one(&policies, *explain, format),
            Err(error) => invalid(&error, format),
        },
        Command::Schema => {
            print(Policies::schema().trim_end())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn read(sources: &Sources) -> anyhow::Result<Vec<(String, String)>> {
    if sources.files.is_empty() {
        return sources.config.load()?.policy_sources().map_err(anyhow::Error::msg);
    }
    let mut texts = Vec::with_capacity(sources.files.len());
    for file in &sources.files {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the policies in `{}`", file.display()))?;
        texts.push((file.display().to_string(), text));
    }
    Ok(texts)
}

fn check(policies: &Policies, format: Format) -> anyhow::Result<ExitCode> {
    let rules = policies.rules();
    match format {
        Format::Json => print_json(&json!({
            "ok": true,
            "policy": policies.version(),
            "rules": rules.iter().map(|rule| json!({
                "id": rule.id,
                "effect": effect(rule),
                "review_groups": rule.review_groups,
                "advice": rule.advice,
            })).collect::<Vec<_>>(),
        }))?,
        Format::Text => {
            let row = |rule: &RuleSummary| {
                let advice = rule.advice.clone().unwrap_or_default();
                vec![rule.id.to_string(), effect(rule), rule.review_groups.join(", "), advice]
            };
            print(&table(
                &["rule", "effect", "review", "advice"],
                rules.iter().map(row).collect(),
            ))?;
            remark(&format!("{} rules are good; version {}", rules.len(), policies.version()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn effect(rule: &RuleSummary) -> String {
    if rule.permits { "permit".to_owned() } else { "forbid".to_owned() }
}

fn invalid(error: &PolicyError, format: Format) -> anyhow::Result<ExitCode> {
    match format {
        Format::Json => print_json(&json!({
            "ok": false,
            "problems": error.problems.iter().map(|problem| json!({
                "file": problem.file,
                "line": problem.line,
                "column": problem.column,
                "message": problem.message,
                "hint": problem.hint,
            })).collect::<Vec<_>>(),
        }))?,
        Format::Text => remark(&error.to_string()),
    }
    Ok(ExitCode::FAILURE)
}

fn explain_one(policies: &Policies, explain: Explain, format: Format) -> anyhow::Result<ExitCode> {
    let at = explain.at.unwrap_or_else(jiff::Timestamp::now);
    let at_us = u64::try_from(at.as_microsecond()).context("the time is before 1970")?;
    let chain = chain(&explain)?;
    let facts = facts(&explain);
    let (counters, day) = counted(&explain);
    let needs = [Need { action: explain.action, object: explain.object }];
    let category = explain.category.map(Category);
    let ask = Ask {
        chain: &chain,
        resource: &explain.resource,
        verb: &explain.verb,
        needs: &needs,
        facts,
        categories: &|_| category.clone(),
        counters,
        day: &|_| day,
        context: Context::at(at_us),
    };
    let hops = policies.explain(&ask).context("the object has not the shape of its kind")?;
    let decision = policies.decide(&ask);
    let threshold = policies.threshold(&ask);
    match format {
        Format::Json => print_json(&json!({
            "decision": decision,
            "hops": hops.iter().map(|hop| json!({
                "party": hop.party,
                "verdict": hop.verdict,
                "rules": hop.rules,
            })).collect::<Vec<_>>(),
            "rows_free": threshold.limit(Unit::Rows).map(|limit| limit.count_max),
            "beyond": threshold.limit(Unit::Rows).and_then(|limit| beyond(&limit.beyond).0),
            "limits": threshold.limits.iter().map(|limit| json!({
                "counter": limit.counter.name(),
                "count_max": limit.count_max,
                "beyond": beyond(&limit.beyond).0,
                "rule": beyond(&limit.beyond).1,
            })).collect::<Vec<_>>(),
        }))?,
        Format::Text => print(&text(&chain, &decision, &hops, &threshold))?,
    }
    Ok(if decision.verdict == Verdict::Allow { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text(chain: &Chain, decision: &Decision, hops: &[Explained], threshold: &Threshold) -> String {
    let row = |hop: &Explained| {
        let rules: Vec<_> = hop.rules.iter().map(|rule: &RuleId| rule.0.as_str()).collect();
        vec![hop.party.clone(), word(hop.verdict).to_owned(), rules.join(", ")]
    };
    let mut lines = vec![("chain", chain.to_string()), ("answer", word(decision.verdict).into())];
    if !decision.review_groups.is_empty() {
        lines.push(("approved by", decision.review_groups.join(", ")));
    }
    let mut advice: Vec<_> = decision.reasons.iter().filter_map(|r| r.advice.clone()).collect();
    advice.dedup();
    if !advice.is_empty() {
        lines.push(("advice", advice.join("\n")));
    }
    for limit in &threshold.limits {
        let (verdict, rule) = beyond(&limit.beyond);
        let rule = rule.map(|rule| format!(" by {rule}")).unwrap_or_default();
        let name = match limit.counter.unit {
            Unit::Rows => "rows free",
            Unit::Values => "values free",
            Unit::Bytes => "bytes free",
            Unit::Messages => "messages free",
            Unit::Probes => "probes free",
            Unit::Subjects => "subjects free",
            Unit::Changes => "changes free",
        };
        let then = verdict.map_or("ask again", word);
        lines.push((name, format!("{}, then {then}{rule} ({})", limit.count_max, limit.counter)));
    }
    let hops = table(&["hop", "answer", "rules"], hops.iter().map(row).collect());
    format!("{}\n\n{hops}", fields(&lines))
}

/// The verdict beyond a limit, and the rule that gives it.
fn beyond(beyond: &Beyond) -> (Option<Verdict>, Option<&RuleId>) {
    match beyond {
        Beyond::Ask => (None, None),
        Beyond::Deny { rule, .. } => (Some(Verdict::Deny), rule.as_ref()),
        Beyond::Review { rule, .. } => (Some(Verdict::Review), Some(rule)),
    }
}

fn facts(explain: &Explain) -> Facts {
    Facts {
        bounded: explain.writes.map(|writes| writes == Writes::Bounded),
        change: explain.change.map(|change| match change {
            Changes::Create => Change::Create,
            Changes::Change => Change::Change,
            Changes::Drop => Change::Drop,
        }),
        aggregated: explain.aggregated,
        probes: explain.announced_probes,
        untold: explain.untold,
    }
}

/// What the command and its session had used, and the principal on the day.
fn counted(explain: &Explain) -> (Counters, Usage) {
    let mut counters = Counters {
        exchange: Usage::of(Unit::Rows, explain.rows),
        session: Usage::of(Unit::Rows, explain.session_rows),
    };
    let mut day = Usage::default();
    for (counter, count) in &explain.used {
        let usage = match counter.scope {
            Scope::Exchange => &mut counters.exchange,
            Scope::Session => &mut counters.session,
            Scope::Day => &mut day,
        };
        *usage = usage.with(counter.unit, *count);
    }
    (counters, day)
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::Deny => "deny",
        Verdict::Review => "review",
    }
}

fn chain(explain: &Explain) -> anyhow::Result<Chain> {
    let principal = match (&explain.person, &explain.service) {
        (Some(person), _) => party(PartyKind::Person, person, &explain.issuer)?,
        (None, Some(service)) => party(PartyKind::Service, service, &explain.issuer)?,
        (None, None) => bail!("a principal is needed\nhint: give --person or --service"),
    };
    let actor = |actor: &String| party(PartyKind::Actor, actor, &explain.issuer);
    let actors = explain.actors.iter().map(actor).collect::<anyhow::Result<_>>()?;
    Ok(Chain {
        purpose: explain.purpose.clone(),
        stated_purpose: explain.stated_purpose.clone(),
        ..Chain::new(principal, actors)
    })
}

/// Reads `NAME` or `NAME=GROUP,GROUP`.
fn party(kind: PartyKind, text: &str, issuer: &str) -> anyhow::Result<Party> {
    let (subject, groups) = text.split_once('=').unwrap_or((text, ""));
    if subject.is_empty() {
        bail!("`{text}` has no name\nhint: write NAME=GROUP,GROUP");
    }
    let groups = groups.split(',').filter(|group| !group.is_empty());
    let groups = groups.map(str::to_owned).collect();
    Ok(Party { groups, ..Party::new(kind, issuer, subject) })
}

fn action(text: &str) -> Result<Action, String> {
    serde_json::from_value(text.into()).map_err(|_| {
        "it is none of connect, read, write, define, administer, execute, lock, filter, probe, \
         reveal"
            .to_owned()
    })
}

fn used(text: &str) -> Result<(Counter, u64), String> {
    let (name, count) = text.split_once('=').ok_or("write COUNTER=COUNT, such as bytes=4096")?;
    let counter = Counter::named(name).ok_or_else(|| {
        let names: Vec<_> = Counter::all().map(Counter::name).collect();
        format!("`{name}` is none of {}", names.join(", "))
    })?;
    Ok((counter, count.parse().map_err(|_| format!("`{count}` is not a whole number"))?))
}

fn object(text: &str) -> Result<Object, String> {
    object_named(text).ok_or_else(|| {
        "write `schema.table`, `schema.table.column` or `schema.function()`, and other kinds of \
         objects with their word: `schema:public`"
            .to_owned()
    })
}
