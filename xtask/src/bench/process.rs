//! Processes that a bench starts, ends again and measures.

use anyhow::{Context, bail};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to answer on its port.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a process may take to end in order.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// A server that ends with this value.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    name: String,
}

impl Server {
    /// Starts a command and waits until something listens on a port.
    pub(super) fn start(
        name: &str,
        command: &mut Command,
        port: u16,
        log: &Path,
    ) -> anyhow::Result<Self> {
        if is_up(port) {
            bail!("{name}: port {port} is taken");
        }
        let file = std::fs::File::create(log).with_context(|| log.display().to_string())?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(0);
        let child =
            command.spawn().with_context(|| format!("{name}: {:?}", command.get_program()))?;
        let mut server = Self { child, name: name.to_owned() };
        let deadline = Instant::now() + START_TIMEOUT;
        while !is_up(port) {
            if let Some(status) = server.child.try_wait()? {
                bail!("{name} ended with {status}:\n{}", tail(log));
            }
            if Instant::now() > deadline {
                bail!("{name} does not listen on port {port}:\n{}", tail(log));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGINT is "fast shutdown" for PostgreSQL, and an end in order for the others.
        let pid = self.child.id().to_string();
        drop(Command::new("kill").args(["-INT", &pid]).stderr(Stdio::null()).status());
        let deadline = Instant::now() + STOP_TIMEOUT;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > deadline {
                println!("{} does not end: killed", self.name);
                drop(self.child.kill());
                drop(self.child.wait());
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n")
}

fn is_up(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok()
}

/// A port that nobody listens on.
pub(super) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Runs to the end; its standard output, or an error with the last of its standard error.
pub(super) fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{:?}", command.get_program()))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = errors.trim().lines().rev().take(4).collect();
        bail!("{}", lines.into_iter().rev().collect::<Vec<_>>().join(" | "));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// PostgreSQL and PgBouncer do not run as root.
pub(super) fn not_as_root(command: &mut Command) -> anyhow::Result<&mut Command> {
    let id = |arguments: &[&str]| -> anyhow::Result<u32> {
        Ok(run(Command::new("id").args(arguments))?.trim().parse()?)
    };
    if id(&["-u"])? == 0 {
        command.uid(id(&["-u", "postgres"])?).gid(id(&["-g", "postgres"])?).current_dir("/");
    }
    Ok(command)
}

/// CPU seconds that processes and their children have used so far.
pub(super) fn cpu_seconds(pids: &[u32]) -> f64 {
    pids.iter().flat_map(|pid| family(*pid)).filter_map(ticks).sum::<f64>() / TICKS_PER_SECOND
}

/// The unit of /proc: 100 on every Linux that we know (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;

fn ticks(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; utime and stime are fields 14 and 15.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let field = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some(field(11)? + field(12)?)
}

fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    for task in tasks {
        let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|child| child.parse().ok());
        all.extend(children.flat_map(family));
    }
    all
}

/// Most memory that a process has held at once, in MiB.
pub(super) fn memory_peak_mib(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

/// Memory that a process and its children hold now, in MiB; what several share counts once.
pub(super) fn memory_mib(pid: u32) -> f64 {
    let held = |pid: u32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    family(pid).into_iter().filter_map(held).sum::<f64>() / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_process_has_used_time_and_memory() {
        let me = std::process::id();
        let mut sum = 0_u64;
        // Time is counted in ticks of the clock: until the first one there is none.
        while cpu_seconds(&[me]) == 0.0 {
            for _ in 0..1_000_000 {
                sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
            }
        }
        assert!(memory_peak_mib(me).unwrap() > 0.5);
        assert!(family(me).contains(&me));
        assert!(cpu_seconds(&[0]) == 0.0);
    }
}
