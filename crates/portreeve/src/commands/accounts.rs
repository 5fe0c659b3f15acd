//! `portreeve accounts`: the names that the local issuer vouches for.

use super::options::ConfigOption;
use super::output::{Format, print, print_json, table};
use portreeve_control::store::{Account, AccountKind, Disabled};
use std::process::ExitCode;
use std::time::SystemTime;

/// Accounts of the local issuer: people, services and actors.
///
/// Works on the control store directly, so it has to run on the gateway's machine, as
/// its user. Changes hold at once: every token is checked against the accounts.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve accounts add ada --kind person --group support\n  \
    portreeve accounts add planner --kind actor\n  portreeve accounts disable planner")]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigOption,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add an account.
    Add {
        /// The name: the `sub` of its tokens.
        name: String,
        /// What it is for.
        #[arg(long, value_enum)]
        kind: Kind,
        /// A group it is in. Can be given several times.
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
    },
    /// List the accounts.
    Ls,
    /// Remove an account. Its tokens are refused from now on.
    Rm {
        /// The name.
        name: String,
    },
    /// Refuse the tokens of an account, wherever in a chain it stands.
    Disable {
        /// The name.
        name: String,
    },
    /// Accept the tokens of a disabled account again.
    Enable {
        /// The name.
        name: String,
    },
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    /// A human being: can ask, and can review.
    Person,
    /// A program that acts on its own account.
    Service,
    /// An AI agent that acts for a person or a service.
    Actor,
}

impl From<Kind> for AccountKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Person => Self::Person,
            Kind::Service => Self::Service,
            Kind::Actor => Self::Actor,
        }
    }
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let (_, store) = args.config.store()?;
    match args.command {
        Command::Add { name, kind, groups } => {
            let account = store.add_account(&name, kind.into(), &groups, SystemTime::now())?;
            show(&[account], format)?;
        }
        Command::Ls => show(&store.accounts()?, format)?,
        Command::Rm { name } => {
            store.remove_account(&name)?;
            match format {
                Format::Text => print(&format!("removed `{name}`"))?,
                Format::Json => print_json(&serde_json::json!({ "removed": name }))?,
            }
        }
        Command::Disable { name } => show(&[store.disable_account(&name, Disabled::Yes)?], format)?,
        Command::Enable { name } => show(&[store.disable_account(&name, Disabled::No)?], format)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn show(accounts: &[Account], format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        return print_json(accounts);
    }
    if accounts.is_empty() {
        return print("no accounts; `portreeve accounts add NAME --kind person` makes one");
    }
    let row = |account: &Account| {
        let kind = match account.kind {
            AccountKind::Person => "person",
            AccountKind::Service => "service",
            AccountKind::Actor => "actor",
        };
        let state = if account.disabled { "disabled" } else { "enabled" };
        vec![account.name.clone(), kind.into(), state.into(), account.groups.join(", ")]
    };
    print(&table(&["name", "kind", "state", "groups"], accounts.iter().map(row).collect()))
}
