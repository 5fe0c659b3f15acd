//! `portreeve policy`: for people who write policies. Needs no gateway.

use super::options::ConfigOption;
use super::output::{Format, fields, print, print_json, remark, table};
use anyhow::{Context as _, bail};
use portreeve_decide::policy::{
    Ask, Context, Counters, Explained, Policies, PolicyError, RuleSummary, Threshold, object_named,
};
use portreeve_model::{
    Action, Category, Chain, Decision, Need, Object, Party, PartyKind, RuleId, Verdict,
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
    /// connect, read, write, define, administer, execute, filter or reveal.
    #[arg(long, value_parser = action)]
    action: Action,
    /// The object in the resource: `schema.table`, `schema.table.column` or
    /// `schema.function()`; the resource itself when it is left out.
    #[arg(long, default_value = "", value_parser = object)]
    object: Object,
    /// The category of the column.
    #[arg(long)]
    category: Option<String>,
    /// Rows of the command so far.
    #[arg(long, default_value_t = 0)]
    rows: u64,
    /// Rows of the session before the command.
    #[arg(long, default_value_t = 0)]
    session_rows: u64,
    /// The moment, such as 2026-12-31T23:59:00Z; now when it is left out.
    #[arg(long, value_name = "TIME")]
    at: Option<jiff::Timestamp>,
    #[command(flatten)]
    sources: Sources,
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
    let needs = [Need { action: explain.action, object: explain.object }];
    let category = explain.category.map(Category);
    let ask = Ask {
        chain: &chain,
        resource: &explain.resource,
        needs: &needs,
        categories: &|_| category.clone(),
        counters: Counters {
            rows: explain.rows,
            session_rows: explain.session_rows.saturating_add(explain.rows),
        },
        context: Context::at(at_us),
    };
    let hops = policies.explain(&ask).context("the object has not the shape of its kind")?;
    let decision = policies.decide(&ask);
    let threshold = policies.rows_free(&ask);
    match format {
        Format::Json => print_json(&json!({
            "decision": decision,
            "hops": hops.iter().map(|hop| json!({
                "party": hop.party,
                "verdict": hop.verdict,
                "rules": hop.rules,
            })).collect::<Vec<_>>(),
            "rows_free": threshold.rows,
            "beyond": threshold.beyond,
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
    if let (Some(rows), Some(beyond)) = (threshold.rows, threshold.beyond) {
        let rule = threshold.rule.as_ref().map(|rule| format!(" by {rule}")).unwrap_or_default();
        lines.push(("rows free", format!("{rows}, then {}{rule}", word(beyond))));
    }
    let hops = table(&["hop", "answer", "rules"], hops.iter().map(row).collect());
    format!("{}\n\n{hops}", fields(&lines))
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
        "it is none of connect, read, write, define, administer, execute, filter, reveal".to_owned()
    })
}

fn object(text: &str) -> Result<Object, String> {
    object_named(text).ok_or_else(|| {
        "write `schema.table`, `schema.table.column` or `schema.function()`".to_owned()
    })
}
