//! What is measured: point queries by pgbench, bulk reads by a client of our own.

use super::contender::Contender;
use super::drain::{Format, drain};
use super::process::{cpu_seconds, run};
use super::target::{DATABASE, Target, USER};
use anyhow::Context;

/// One thing to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Work {
    /// `pgbench -S`.
    Point { mode: String, clients: u32, seconds: u32 },
    /// The whole table.
    Bulk { format: Format },
}

/// How it went.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Measured {
    /// Queries, or rows, per second.
    pub(super) rate: f64,
    /// Average latency of a query, or time to the first row.
    pub(super) latency_ms: f64,
    /// Queries, or rows.
    pub(super) count: f64,
    /// Bytes that came; 0 for point queries.
    pub(super) bytes: f64,
    /// CPU seconds of the processes in between.
    pub(super) cpu_seconds: f64,
}

impl Work {
    pub(super) fn name(&self) -> String {
        match self {
            Self::Point { mode, clients: 1, .. } => format!("pgbench -S {mode}, 1 client"),
            Self::Point { mode, clients, .. } => format!("pgbench -S {mode}, {clients} clients"),
            Self::Bulk { format: Format::Text } => "select of all rows, text".into(),
            Self::Bulk { format: Format::Binary } => "select of all rows, binary".into(),
            Self::Bulk { format: Format::Copy } => "copy of all rows to the client".into(),
        }
    }

    pub(super) fn run(&self, target: &Target, by: &Contender) -> anyhow::Result<Measured> {
        let pids = by.pids();
        let before = cpu_seconds(&pids);
        let mut measured = match self {
            Self::Point { mode, clients, seconds } => {
                let text = pgbench(target, by, mode, *clients, *seconds)?;
                read_pgbench(&text).context("pgbench says nothing that can be read")?
            }
            Self::Bulk { format } => {
                let statement = match format {
                    Format::Copy => "COPY customers TO STDOUT",
                    Format::Text | Format::Binary => "SELECT * FROM customers",
                };
                let got = drain(by.port, USER, DATABASE, &by.password, *format, statement)?;
                Measured {
                    rate: got.rows as f64 / got.seconds,
                    latency_ms: got.first_row_ms,
                    count: got.rows as f64,
                    bytes: got.bytes as f64,
                    cpu_seconds: 0.0,
                }
            }
        };
        measured.cpu_seconds = cpu_seconds(&pids) - before;
        Ok(measured)
    }
}

fn pgbench(
    target: &Target,
    by: &Contender,
    mode: &str,
    clients: u32,
    seconds: u32,
) -> anyhow::Result<String> {
    let mut command = target.client("pgbench");
    command.args(["-n", "-S", "-M", mode, "-c", &clients.to_string()]);
    command.args(["-j", &clients.min(2).to_string(), "-T", &seconds.to_string()]);
    command.env("PGPORT", by.port.to_string()).env("PGPASSWORD", &by.password);
    run(command.env("PGSSLMODE", "disable"))
}

fn read_pgbench(text: &str) -> Option<Measured> {
    let after = |label: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(label))?;
        line.split_whitespace().next()?.split('/').next()?.parse::<f64>().ok()
    };
    Some(Measured {
        rate: after("tps =")?,
        latency_ms: after("latency average =")?,
        count: after("number of transactions actually processed:")?,
        bytes: 0.0,
        cpu_seconds: 0.0,
    })
    .filter(|measured| measured.count > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_pgbench_is_read() {
        let text = "transaction type: <builtin: select only>\n\
                    number of transactions actually processed: 20345\n\
                    number of failed transactions: 0 (0.000%)\n\
                    latency average = 0.393 ms\ninitial connection time = 9.107 ms\n\
                    tps = 20361.4 (without initial connection time)\n";
        let measured = read_pgbench(text).unwrap();
        assert_eq!((measured.count, measured.latency_ms), (20345.0, 0.393));
        assert_eq!(measured.rate, 20361.4);
        assert_eq!(read_pgbench("pgbench: error"), None);
    }
}
