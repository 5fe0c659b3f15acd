//! `portreeve selftest`: whether values come through the running gateway, and which setting
//! closes the way that they come.

use crate::commands::options::{ConfigOption, by_this_user, run_async, token};
use crate::commands::output::{Format, case_bar, print, print_json, remark, table};
use crate::commands::token::{decode, issued};
use crate::wiring::{GatewayPlace, Planter, Trial, random, selftest};
use anyhow::{Context, bail};
use indicatif::ProgressBar;
use portreeve_control::identity::TokenRequest;
use portreeve_control::{Config, Store};
use portreeve_model::{Event, Secret};
use portreeve_selftest::{Counts, Finding, Report, Selection, Verdict, cases};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Try whether values of people come through the running gateway.
///
/// Asks the published cases of `corpus/bypass` as a client of the gateway does: of tables with
/// people who do not exist, planted in a schema of their own and removed at the end, and of the
/// columns that `classify` names or that look as if it should. What comes is compared with what
/// the target says itself. Columns of yours are read in transactions that can change nothing; no
/// value is shown or kept. Ends with status 1 where a value came through.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve selftest shop --as alice --act planner\n  \
    portreeve selftest shop --as alice --only 'public.customers.*/*'\n  \
    portreeve selftest shop --token-file token --junit selftest.xml   # in a build\n  \
    portreeve selftest shop --list")]
pub(crate) struct Args {
    /// The resource, as the configuration names it.
    #[arg(value_name = "RESOURCE")]
    resource: String,
    #[command(flatten)]
    config: ConfigOption,
    /// Ask as this account of the local issuer, with a token that is made for this run.
    #[arg(long = "as", value_name = "NAME", conflicts_with = "token_file")]
    principal: Option<String>,
    /// An actor that acts for it. Several in the order of delegation: planner first.
    #[arg(long = "act", value_name = "ACTOR", requires = "principal")]
    actors: Vec<String>,
    /// Why access is wanted. Policy may demand it.
    #[arg(long, requires = "principal")]
    purpose: Option<String>,
    /// A file with an access token; `-` is standard input. Without it, the environment variable
    /// PORTREEVE_TOKEN.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Only cases that this names, with `*` for any text: `cast-*`, `planted/*`,
    /// `public.customers.email/*`. Several times for more.
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// How many columns of the target to try.
    #[arg(long, value_name = "COUNT", default_value_t = 25)]
    columns: usize,
    /// A role of the target that may make a schema there. Without it, the resource's own.
    #[arg(long, value_name = "ROLE", requires = "plant_password_file")]
    plant_as: Option<String>,
    /// A file with its password.
    #[arg(long, value_name = "FILE", requires = "plant_as")]
    plant_password_file: Option<PathBuf>,
    /// Where the gateway is, if not on this machine: TLS, with a certificate for that name.
    #[arg(long, value_name = "HOST:PORT")]
    gateway: Option<String>,
    /// PEM file with the authorities to trust for that name. By default those of the machine.
    #[arg(long, value_name = "FILE", requires = "gateway")]
    gateway_ca: Option<PathBuf>,
    /// Leave what was planted where it is.
    #[arg(long)]
    keep: bool,
    /// Print the cases, and ask nothing.
    #[arg(long)]
    list: bool,
    /// Write the result to a file instead of standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write it as JUnit, for a build server, too.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// A run that takes longer is one in which something hangs.
const TOKEN_TTL: Duration = Duration::from_secs(3600);
/// Cases that are named where something leaked.
const NAMED_MAX: usize = 6;

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    if args.list {
        return list(&args, format);
    }
    let config = Arc::new(args.config.load()?);
    let (token, subject) = who(&args)?;
    let bar = case_bar("asking");
    let report = run_async(selftest(trial(&args, config.clone(), token, bar.clone())?))?;
    bar.finish_and_clear();
    let report = report?;
    let counts = report.counts();
    record(&config, &args.resource, subject, counts)?;
    if let Some(file) = &args.junit {
        write(file, &report.as_junit())?;
    }
    match (&args.output, format) {
        (Some(file), Format::Json) => {
            write(file, &serde_json::to_string_pretty(&report.as_json())?)?;
        }
        (Some(file), Format::Text) => write(file, &as_text(&report))?,
        (None, Format::Json) => print_json(&report.as_json())?,
        (None, Format::Text) => print(&as_text(&report))?,
    }
    if counts.leaked + counts.permitted + counts.masked + counts.refused == 0 {
        bail!("nothing could be learnt: no case was applicable\nhint: see the reasons above");
    }
    Ok(if counts.leaked > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn trial(
    args: &Args,
    config: Arc<Config>,
    token: Secret<String>,
    bar: ProgressBar,
) -> anyhow::Result<Trial> {
    let gateway = args.gateway.as_deref().map(|place| -> anyhow::Result<GatewayPlace> {
        let (host, port) = place.rsplit_once(':').context("`--gateway` is HOST:PORT")?;
        let port = port.parse().context("`--gateway` is HOST:PORT")?;
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(GatewayPlace { host, port, authorities: args.gateway_ca.clone() })
    });
    let planter = args.plant_as.clone().zip(args.plant_password_file.as_ref());
    let planter = planter.map(|(role, file)| -> anyhow::Result<Planter> {
        let password = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read `{}`", file.display()))?;
        let password = Secret::new(password.trim_end_matches(['\r', '\n']).to_owned());
        Ok(Planter { role, password })
    });
    Ok(Trial {
        config,
        resource: args.resource.clone(),
        token,
        gateway: gateway.transpose()?,
        planter: planter.transpose()?,
        selection: Selection::new(args.only.clone()),
        columns_max: args.columns,
        keeps: args.keep,
        seed: random()?,
        progress: Arc::new(move |done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        }),
    })
}

/// The token, and whom it names.
fn who(args: &Args) -> anyhow::Result<(Secret<String>, String)> {
    if let Some(principal) = &args.principal {
        let request = TokenRequest {
            principal: principal.clone(),
            actors: args.actors.clone(),
            purpose: args.purpose.clone(),
            ttl: TOKEN_TTL,
            may_act: None,
        };
        let issued = issued(&args.config, &request)?;
        return Ok((issued.token, issued.chain.to_string()));
    }
    let token = token(args.token_file.as_deref())?.context(
        "somebody has to ask\nhint: `--as NAME` for an account of the local issuer, or \
         PORTREEVE_TOKEN, or `--token-file`; best an agent to whom nothing is revealed",
    )?;
    let subject = claimed(token.reveal()).unwrap_or_else(|| "unknown".to_owned());
    Ok((token, subject))
}

/// Whom a token says that it names: the gateway checks that, and records it.
fn claimed(token: &str) -> Option<String> {
    let claims = decode(token.split('.').nth(1)?).ok()?;
    Some(claims.get("sub")?.as_str()?.chars().take(200).collect())
}

/// The run is evidence itself: how many cases came to which end, and no value.
fn record(config: &Config, resource: &str, subject: String, counts: Counts) -> anyhow::Result<()> {
    if !config.data_dir.exists() {
        remark("warning: this run is not in the evidence: the gateway's data is not here");
        return Ok(());
    }
    let Counts { leaked, permitted, masked, refused, not_applicable } = counts;
    let event = Event::SelftestRun {
        resource: resource.to_owned(),
        subject,
        leaked,
        permitted,
        masked,
        refused,
        not_applicable,
        by: by_this_user()?.by,
    };
    Ok(Store::open(&config.data_dir)?.journal.add(&event, SystemTime::now())?)
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let text = format!("{}\n", text.trim_end());
    std::fs::write(file, text).with_context(|| format!("cannot write `{}`", file.display()))
}

fn as_text(report: &Report) -> String {
    let row = |it: &Finding| {
        let channels = it.channels.join(", ");
        let cells = [&it.place, &it.case, &channels, it.verdict.word(), &it.why];
        cells.map(str::to_owned).to_vec()
    };
    let header = ["where", "case", "channel", "verdict", "why"];
    let mut lines = vec![table(&header, report.findings.iter().map(row).collect()), String::new()];
    for ((place, remedy), findings) in report.leaks() {
        let names: Vec<&str> = findings.iter().take(NAMED_MAX).map(|it| it.case.as_str()).collect();
        let more = match findings.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        lines.push(format!("LEAKED at {place}: {}{more}", names.join(", ")));
        lines.push(format!("  {remedy}"));
    }
    let permitted = report.findings.iter().any(|it| it.verdict == Verdict::Permitted);
    if permitted {
        lines.push(
            "permitted: whoever may compare or change may do so in any form; a policy with a \
             threshold bounds how often"
                .to_owned(),
        );
    }
    lines.extend(report.remarks.iter().map(|text| format!("note: {text}")));
    let Counts { leaked, permitted, masked, refused, not_applicable } = report.counts();
    lines.push(format!(
        "{leaked} leaked, {permitted} permitted, {masked} masked, {refused} refused, \
         {not_applicable} not applicable"
    ));
    lines.join("\n")
}

fn list(args: &Args, format: Format) -> anyhow::Result<ExitCode> {
    let selection = Selection::new(args.only.clone());
    let wanted = cases().iter().filter(|case| selection.wants("planted", &case.name));
    match format {
        Format::Json => {
            let cases = wanted.map(|case| json!({ "case": case.name, "sql": case.sql }));
            print_json(&cases.collect::<Vec<_>>())?;
        }
        Format::Text => {
            let one_line = |sql: &str| sql.replace(['\n', '\r'], " ");
            let rows = wanted.map(|case| vec![case.name.clone(), one_line(&case.sql)]);
            print(&table(&["case", "statement"], rows.collect()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    #[test]
    fn a_leak_is_told_with_what_closes_it() {
        let mut report = Report { resource: "shop".into(), ..Report::default() };
        for case in ["values/a", "values/b"] {
            report.add(Finding {
                place: "public.notes.body".into(),
                case: case.into(),
                channels: vec!["simple", "extended"],
                verdict: Verdict::Leaked,
                why: "values come as they are at the target".into(),
                remedy: Some("add `public.notes.body: contact` to `classify`".into()),
            });
        }
        let text = as_text(&report);
        assert!(text.contains("LEAKED at public.notes.body: values/a, values/b\n  add `public."));
        assert!(text.ends_with("4 leaked, 0 permitted, 0 masked, 0 refused, 0 not applicable"));
    }

    #[test]
    fn a_token_says_whom_it_names() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"alice"}"#);
        assert_eq!(claimed(&format!("a.{claims}.b")).as_deref(), Some("alice"));
        assert_eq!(claimed("no token"), None);
    }
}
