//! `portreeve accounts`: the names that the local issuer vouches for.

use super::options::{ConfigOption, by_this_user};
use super::output::{Format, print, print_json, table};
use anyhow::{Context, bail};
use portreeve_control::store::{Account, AccountKind, Disabled, NewAccount};
use portreeve_model::Digest;
use std::process::ExitCode;

/// Accounts of the local issuer: people, services and actors.
///
/// Works on the control store directly, so it has to run on the gateway's machine, as
/// its user. Changes hold at once, for open sessions too, and are recorded in the evidence
/// as made by that user.
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
        /// Which human being it is, as the claim says by which other issuers are linked
        /// (`person_claim`): nobody approves under one name what they asked for under another.
        #[arg(long, value_name = "NAME")]
        person: Option<String>,
    },
    /// Let whoever holds a key log in as an account: `portreeve login --public-key` prints it.
    Enrol {
        /// The name.
        name: String,
        /// The public key: 64 hexadecimal digits.
        key: String,
    },
    /// Put an account into other groups. Its open sessions end.
    Groups {
        /// The name.
        name: String,
        /// A group it is in from now on. Can be given several times; none without it.
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
    let (accounts, how) = (store.accounts, by_this_user()?);
    match args.command {
        Command::Add { name, kind, groups, person } => {
            let account = NewAccount { name, kind: kind.into(), groups, person };
            show(&[accounts.add(&account, &how)?], format)?;
        }
        Command::Ls => show(&accounts.list()?, format)?,
        Command::Enrol { name, key } => {
            accounts.enrol(&name, &public_key(&key)?, &how)?;
            let account = accounts.find(&name)?.context("the account is gone")?;
            show(&[account], format)?;
        }
        Command::Groups { name, groups } => {
            show(&[accounts.regroup(&name, &groups, &how)?], format)?;
        }
        Command::Rm { name } => {
            accounts.remove(&name, &how)?;
            match format {
                Format::Text => print(&format!("removed `{name}`"))?,
                Format::Json => print_json(&serde_json::json!({ "removed": name }))?,
            }
        }
        Command::Disable { name } => {
            show(&[accounts.disable(&name, Disabled::Yes, &how)?], format)?;
        }
        Command::Enable { name } => {
            show(&[accounts.disable(&name, Disabled::No, &how)?], format)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Written as a digest is: 32 bytes in hexadecimal.
fn public_key(text: &str) -> anyhow::Result<[u8; 32]> {
    match Digest::from_hex(text) {
        Some(Digest(key)) => Ok(key),
        None => bail!("that is no public key\nhint: `portreeve login --public-key` prints it"),
    }
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
