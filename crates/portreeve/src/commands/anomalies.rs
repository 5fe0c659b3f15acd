//! `portreeve anomalies`: what was unlike what was before.

use super::options::LogOption;
use super::output::{Format, fields, print, print_json, remark, table, time};
use super::sessions::moment;
use anyhow::Context;
use portreeve_control::search::{FindingQuestion, finding_offline, findings_offline};
use portreeve_reports::anomalies::{Finding, Rule};
use std::process::ExitCode;

/// What was unlike what was before: each finding with the records that made it.
///
/// Found by rules over the evidence (`anomalies` in the configuration): a category for the first
/// time, far more rows than ever, many refusals, probing, work at night, a falling masked share.
/// The same log and the same rules give the same findings.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve anomalies ls --since 24h\n  \
    portreeve anomalies ls --rule probing --principal ada\n  \
    portreeve anomalies show 41872-volume")]
pub(crate) struct Args {
    #[command(flatten)]
    log: LogOption,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List findings, newest first.
    Ls {
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        /// Only from then on: `2026-11-22`, `2026-11-22T06:00:00Z`, or how long ago (`24h`).
        #[arg(long, value_name = "TIME", value_parser = moment)]
        since: Option<u64>,
        /// Only before then.
        #[arg(long, value_name = "TIME", value_parser = moment)]
        until: Option<u64>,
        /// Only by this rule: `new-category`, `volume`, `refusals`, `probing`, `night`,
        /// `masked-share`.
        #[arg(long, value_name = "RULE", value_parser = rule)]
        rule: Option<Rule>,
        /// Only on behalf of this person or service.
        #[arg(long, value_name = "NAME")]
        principal: Option<String>,
        /// Only at this resource.
        #[arg(long, value_name = "NAME")]
        resource: Option<String>,
        /// Go on behind a list before: the number that it ended with.
        #[arg(long, value_name = "N")]
        before: Option<u64>,
    },
    /// Show one with the records that made it.
    Show {
        /// Its id, as `ls` prints it.
        id: String,
    },
}

fn rule(text: &str) -> Result<Rule, String> {
    let found = Rule::ALL.into_iter().find(|rule| rule.word() == text);
    let words = Rule::ALL.map(Rule::word).join(", ");
    found.ok_or_else(|| format!("one of {words}"))
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let dir = args.log.directory()?;
    // Another's copy of a log is read by the rules that are there, or by those of the manual.
    let rules = match args.log.dir {
        None => Some(args.log.config.load()?.anomalies),
        Some(_) => None,
    };
    match args.command {
        Command::Ls { limit, since, until, rule, principal, resource, before } => {
            let question = FindingQuestion {
                since_us: since,
                until_us: until,
                rule,
                principal,
                resource,
                before,
                limit: Some(limit),
            };
            let found = findings_offline(&dir, rules, &question)?;
            if found.behind > 0 {
                let behind = found.behind;
                let text = format!("# the gateway has {behind} records still to read: ask again");
                remark(&text);
            }
            if format == Format::Json {
                print_json(&found)?;
            } else {
                list(&found.findings)?;
                if let Some(next) = found.next {
                    remark(&format!("# there are more: `--before {next}`"));
                }
            }
        }
        Command::Show { id } => {
            let found = finding_offline(&dir, rules, &id)?;
            let found = found.with_context(|| {
                format!("there is no finding `{id}`\nhint: `portreeve anomalies ls`")
            })?;
            show(&found, format)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn micros(at_us: u64) -> String {
    time(i64::try_from(at_us).unwrap_or(i64::MAX))
}

fn list(findings: &[Finding]) -> anyhow::Result<()> {
    if findings.is_empty() {
        return print("no anomalies");
    }
    let row = |found: &Finding| {
        vec![
            found.id.clone(),
            micros(found.at_us),
            found.weight.word().to_owned(),
            found.rule.word().to_owned(),
            found.message.clone(),
            found.resource.clone(),
        ]
    };
    let header = ["finding", "when", "weight", "rule", "what", "resource"];
    print(&table(&header, findings.iter().map(row).collect()))
}

fn show(found: &Finding, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        return print_json(found);
    }
    let chain = std::iter::once(&found.principal).chain(&found.actors);
    let records = found.records.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let more = found.records_count.saturating_sub(found.records.len() as u64);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let mut facts = vec![
        ("finding", found.id.clone()),
        ("what", found.message.clone()),
        ("when", micros(found.at_us)),
        ("weight", found.weight.word().to_owned()),
        ("rule", found.rule.word().to_owned()),
        ("who", chain.cloned().collect::<Vec<_>>().join(" → ")),
        ("resource", found.resource.clone()),
    ];
    facts.extend(found.category.clone().map(|category| ("category", category)));
    facts.extend([
        ("counted", format!("{}, with a bound of {}", found.found, found.bound)),
        ("records", format!("{records}{more}")),
        ("session", format!("{} (`portreeve sessions show` has it)", found.session)),
    ]);
    print(&fields(&facts))
}
