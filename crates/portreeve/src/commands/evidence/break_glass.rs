//! `portreeve evidence break-glass`: another log, when this one cannot be gone on with.

use super::super::options::{ConfigOption, run_async, token};
use super::super::output::{Format, fields, print, print_json, remark};
use super::place::{owner, working};
use anyhow::{Context, bail};
use portreeve_control::{Config, Identities, Identity};
use portreeve_evidence::{Options, Replaced, replace};
use portreeve_model::{Custodian, Party, PartyKind};
use std::path::PathBuf;
use std::time::SystemTime;

/// Set a log aside that the gateway cannot go on with, and begin another one.
///
/// Two different people of `evidence.custodians` must agree, each with a token that they got
/// themselves, or with `portreeve login NAME --break-glass ISSUER`, which needs no gateway: a
/// token that was made from the gateway's files is nobody's word. Nothing is deleted: the old
/// directory is moved, as it is. The new log begins with who agreed, why, and what is known
/// of the old one, and every `verify` says so aloud. Runs on the gateway's machine, while the
/// gateway is off.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portreeve evidence break-glass --approver ada.token \
    --approver bob.token --why \"disk of 12 May lost, ticket 4711\"")]
pub(super) struct Args {
    /// A file with an approver's token or agreement; `-` is standard input. Give it twice.
    #[arg(long, value_name = "FILE", required = true)]
    approver: Vec<PathBuf>,
    /// Why; it stays in the new log.
    #[arg(long, value_name = "TEXT")]
    why: String,
    #[command(flatten)]
    config: ConfigOption,
}

pub(super) fn run(args: Args, format: Format) -> anyhow::Result<()> {
    let [one, other] = args.approver.as_slice() else {
        bail!("two people must agree\nhint: give --approver twice, with a token of each");
    };
    let (config, store) = args.config.store()?;
    owner(&config.data_dir)?;
    let identities = Identities::new(&config, store)?;
    let check = |file: &PathBuf| -> anyhow::Result<Custodian> {
        let name = file.display();
        let token = token(Some(file))?.with_context(|| format!("there is no token in `{name}`"))?;
        let now = SystemTime::now();
        if let Some(local) = identities.local()
            && let Ok(party) = local.agreed(&token, now)
        {
            return custodian(party, &config);
        }
        let identity = run_async(identities.authenticate(&token, now))?;
        approver(identity.with_context(|| format!("the token in `{name}`"))?, &config)
    };
    let approvers = [check(one)?, check(other)?];
    let dir = config.data_dir.join("evidence");
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let aside = config.data_dir.join(format!("evidence.broken-{now}"));
    let mut options = Options::new(&dir);
    options.version = format!("{} (evidence break-glass)", env!("CARGO_PKG_VERSION"));
    let bar = working();
    let replaced = replace(&options, &aside, approvers, &args.why)?;
    bar.finish_and_clear();
    remark("# another log begins: auditors need its public key, `evidence/log.pub`");
    match format {
        Format::Json => print_json(&replaced),
        Format::Text => print(&fields(&facts(&replaced))),
    }
}

/// A person who may, for themselves.
fn approver(identity: Identity, config: &Config) -> anyhow::Result<Custodian> {
    let is_its_own = identity.is_its_own();
    let principal = identity.chain.principal;
    let subject = &principal.subject;
    if !identity.chain.actors.is_empty() || principal.kind != PartyKind::Person {
        bail!("`{subject}` does not approve in person\nhint: a person's own token is needed");
    }
    if !is_its_own {
        bail!(
            "the token of `{subject}` was made from the gateway's files\nhint: `portreeve login \
             {subject} --break-glass ISSUER`, with their own key"
        );
    }
    custodian(principal, config)
}

/// A person who may erase.
fn custodian(principal: Party, config: &Config) -> anyhow::Result<Custodian> {
    let subject = &principal.subject;
    if principal.kind != PartyKind::Person {
        bail!("`{subject}` does not approve in person\nhint: a person is needed");
    }
    let custodians = &config.evidence.custodians;
    if !principal.groups.iter().any(|group| custodians.contains(group)) {
        let hint = match custodians.is_empty() {
            true => "`evidence.custodians` names no group".to_owned(),
            false => format!("custodians are in `{}`", custodians.join("` or `")),
        };
        bail!("`{subject}` is no custodian of the evidence\nhint: {hint}");
    }
    Ok(Custodian::Principal { issuer: principal.issuer, subject: principal.subject })
}

fn facts(replaced: &Replaced) -> Vec<(&'static str, String)> {
    let old = &replaced.predecessor;
    let unknown = || "unknown".to_owned();
    vec![
        ("set aside", old.moved_to.clone().unwrap_or_else(|| "nothing was there".to_owned())),
        ("its name", old.origin.clone().unwrap_or_else(unknown)),
        ("it was", format!("{}, {} records", old.status, old.records)),
        ("new log", replaced.origin.clone()),
        ("its key", replaced.key.clone()),
    ]
}
