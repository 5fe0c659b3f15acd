//! Runs a command with its output shown as it comes, and counts the tests in it.

use super::counts::Counts;
use super::{Done, Job, Outcome};
use anyhow::Context;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;

/// Lines on their way from the command to the screen.
const LINES_MAX: usize = 1024;

/// Runs it; everything that it says is shown.
pub(super) fn run(job: &mut Job<'_>, command: &mut Command) -> anyhow::Result<Done> {
    let mut counts = Counts::default();
    let is_ok = lines(job, command, |line, out| {
        counts.add(Counts::of_line(line));
        writeln!(out, "{line}")
    })?;
    Ok(Done { outcome: Outcome::of(is_ok), counts })
}

/// Runs it and gives each line of its output to `take`, together with what is shown. Whether it
/// ended well.
pub(super) fn lines(
    job: &mut Job<'_>,
    command: &mut Command,
    mut take: impl FnMut(&str, &mut dyn Write) -> std::io::Result<()>,
) -> anyhow::Result<bool> {
    if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command
        .current_dir(job.root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{:?}", command.get_program()))?;
    let (sender, received) = mpsc::sync_channel(LINES_MAX);
    let pipes: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|pipe| Box::new(pipe) as _),
        child.stderr.take().map(|pipe| Box::new(pipe) as _),
    ];
    let read = |pipe: Box<dyn Read + Send>| {
        let sender = sender.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        })
    };
    let readers: Vec<_> = pipes.into_iter().flatten().map(read).collect();
    drop(sender);
    for line in received {
        take(&String::from_utf8_lossy(&line), job.out)?;
    }
    for reader in readers {
        drop(reader.join());
    }
    Ok(child.wait()?.success())
}
