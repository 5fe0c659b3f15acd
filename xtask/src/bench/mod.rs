//! `cargo xtask bench`: the same work through several contenders, interleaved, so that a
//! busy machine hurts all of them alike. Ratios and CPU time are what counts; rates on a
//! shared machine are not.

mod contender;
mod drain;
mod evidence;
mod process;
mod report;
mod ssh;
mod target;
mod work;

use crate::options::Options;
use crate::workspace::root;
use anyhow::bail;
use contender::{BEFORE, Contender, DIRECT, NAMES, PORTREEVE, gateway_binary};
use report::Report;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use target::Target;
use tempfile::TempDir;
use work::Work;

const HELP: &str = "\
cargo xtask bench: pgbench -S and bulk reads; direct, PgBouncer and Portreeve in one run;
the evidence log beside the disk that it is on; and commands, files and sessions of SSH
beside OpenSSH

  --rounds N      interleaved rounds; medians are shown (3)
  --secs N        seconds of each pgbench run (3)
  --rows N        rows of the bulk reads (1000000)
  --scale N       scale of pgbench (20)
  --modes LIST    simple,extended,prepared
  --clients LIST  1,8,32
  --work LIST     pgbench,bulk,evidence,ssh
  --megabytes N   size of the files that come over SSH (100)
  --sessions N    sessions of SSH at once (200)
  --only LIST     direct,pgbouncer-session,pgbouncer-tx,portreeve
  --gateway FILE  a binary to measure, instead of building one for release
  --before FILE   an older binary, measured in the same run as `portreeve-before`
  --dir DIR       where the database and the evidence live (a temporary folder)
  --keep          leave that folder, so that the next run need not load
  --json          print the report as JSON; target/xtask-bench.json has it anyway";

/// What can be measured.
const KINDS: [&str; 4] = ["pgbench", "bulk", EVIDENCE, SSH];
const EVIDENCE: &str = "evidence";
const SSH: &str = "ssh";
/// Commands of SSH in a round.
const COMMANDS: u32 = 20;

/// What to measure.
#[derive(Debug)]
struct Plan {
    rounds: u32,
    seconds: u32,
    rows: u64,
    scale: u32,
    modes: Vec<String>,
    clients: Vec<u32>,
    megabytes: u32,
    sessions: u32,
    kinds: Vec<String>,
    only: Vec<String>,
    gateway: Option<PathBuf>,
    before: Option<PathBuf>,
    /// None is a temporary one.
    folder: Option<PathBuf>,
    keep: bool,
    json: bool,
}

impl Plan {
    fn read(mut options: Options) -> anyhow::Result<Self> {
        let mut list = |name: &str, default: &str| -> anyhow::Result<Vec<String>> {
            let text = options.value::<String>(name)?.unwrap_or_else(|| default.to_owned());
            Ok(text.split(',').map(str::to_owned).collect())
        };
        let modes = list("--modes", "simple,extended,prepared")?;
        let kinds = list("--work", &KINDS.join(","))?;
        let only = list("--only", &NAMES.join(","))?;
        let clients = list("--clients", "1,8,32")?;
        if let Some(name) = only.iter().find(|name| !NAMES.contains(&name.as_str())) {
            bail!("there is no contender `{name}`; hint: {}", NAMES.join(", "));
        }
        if let Some(kind) = kinds.iter().find(|kind| !KINDS.contains(&kind.as_str())) {
            bail!("there is no work `{kind}`; hint: {}", KINDS.join(", "));
        }
        let plan = Self {
            rounds: options.value("--rounds")?.unwrap_or(3),
            seconds: options.value("--secs")?.unwrap_or(3),
            rows: options.value("--rows")?.unwrap_or(1_000_000),
            scale: options.value("--scale")?.unwrap_or(20),
            modes,
            clients: clients.iter().map(|text| text.parse()).collect::<Result<_, _>>()?,
            megabytes: options.value("--megabytes")?.unwrap_or(100),
            sessions: options.value("--sessions")?.unwrap_or(200),
            kinds,
            only,
            gateway: options.value("--gateway")?,
            before: options.value("--before")?,
            folder: options.value("--dir")?,
            keep: options.flag("--keep"),
            json: options.flag("--json"),
        };
        options.finish()?;
        Ok(plan)
    }

    /// Makes the folder; nothing removes it by itself.
    fn make_folder(&self) -> anyhow::Result<PathBuf> {
        let Some(folder) = &self.folder else {
            return Ok(TempDir::with_prefix("portreeve-bench-")?.keep());
        };
        std::fs::create_dir_all(folder)?;
        Ok(folder.clone())
    }

    fn ssh(&self) -> ssh::Amount {
        ssh::Amount {
            rounds: self.rounds,
            commands: COMMANDS,
            megabytes: self.megabytes,
            sessions: self.sessions,
        }
    }

    fn works(&self) -> Vec<Work> {
        let mut works = Vec::new();
        if self.kinds.iter().any(|kind| kind == "pgbench") {
            for mode in &self.modes {
                let points = self.clients.iter().map(|clients| Work::Point {
                    mode: mode.clone(),
                    clients: *clients,
                    seconds: self.seconds,
                });
                works.extend(points);
            }
        }
        if self.kinds.iter().any(|kind| kind == "bulk") {
            let formats = [drain::Format::Text, drain::Format::Binary, drain::Format::Copy];
            works.extend(formats.map(|format| Work::Bulk { format }));
        }
        works
    }
}

/// `cargo xtask bench`.
pub(crate) fn run(mut options: Options) -> anyhow::Result<ExitCode> {
    if options.flag("--help") {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    let plan = Plan::read(options)?;
    let root = root()?;
    let works = plan.works();
    let wants = |kind: &str| plan.kinds.iter().any(|wanted| wanted == kind);
    let takes_part = !works.is_empty() && plan.only.iter().any(|name| name == PORTREEVE);
    let wants_gateway = takes_part || wants(SSH);
    let gateway =
        if wants_gateway { Some(gateway_binary(&root, plan.gateway.clone())?) } else { None };
    let folder = plan.make_folder()?;
    // Its owner must be able to reach its data.
    process::run(std::process::Command::new("chmod").arg("755").arg(&folder))?;
    let result = measure(&plan, &folder, &works, gateway.as_deref()).and_then(|mut report| {
        if wants(EVIDENCE) {
            report.evidence = Some(evidence::measure(&root, &folder)?);
        }
        if let Some(gateway) = gateway.as_deref().filter(|_| wants(SSH)) {
            report.ssh = Some(ssh::measure(&folder, gateway, plan.ssh())?);
        }
        Ok(report)
    });
    if !plan.keep {
        std::fs::remove_dir_all(&folder)?;
    }
    let report = result?;
    let json = report.json();
    std::fs::create_dir_all(root.join("target"))?;
    std::fs::write(root.join("target/xtask-bench.json"), format!("{json:#}\n"))?;
    if plan.json {
        println!("{json:#}");
    } else {
        println!("{}", report.text());
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(
    plan: &Plan,
    folder: &Path,
    works: &[Work],
    gateway: Option<&Path>,
) -> anyhow::Result<Report> {
    let mut report = Report::default();
    if works.is_empty() {
        return Ok(report);
    }
    let target = Target::start(folder, plan.scale, plan.rows)?;
    println!("PostgreSQL {} on port {}", target.pid(), target.port);
    let mut contenders = Vec::new();
    let before = plan.before.iter().map(|binary| (BEFORE, Some(binary.as_path())));
    let named = NAMES.into_iter().filter(|name| plan.only.iter().any(|only| only == name));
    for (name, binary) in named.map(|name| (name, gateway)).chain(before) {
        match Contender::start(name, &target, folder, binary) {
            Ok(contender) => contenders.push(contender),
            Err(error) if name == DIRECT => return Err(error),
            Err(error) => println!("{name} does not take part: {error:#}"),
        }
    }
    for round in 0..plan.rounds {
        for work in works {
            for at in 0..contenders.len() {
                // Nobody always goes first.
                let turn = (at + round as usize) % contenders.len();
                let Some(contender) = contenders.get(turn) else { continue };
                let measured = work.run(&target, contender);
                report.add(work, contender.name, measured);
            }
        }
        println!("round {} of {}", round + 1, plan.rounds);
    }
    for contender in &contenders {
        let peak = contender.pids().into_iter().find_map(process::memory_peak_mib);
        report.memory(contender.name, peak);
    }
    Ok(report)
}
