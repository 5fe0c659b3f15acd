//! Where an export goes: standard output, or a file that appears when it is whole.

use anyhow::{Context, bail};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Stdout, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where the bytes go.
pub(super) enum Output {
    Stdout(BufWriter<Stdout>),
    File(Part),
}

/// A file that is not whole yet; removed unless it is committed.
pub(super) struct Part {
    path: PathBuf,
    part: PathBuf,
    file: BufWriter<File>,
}

impl Output {
    /// Opens a file that must not be there yet, or standard output.
    pub(super) fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else {
            return Ok(Self::Stdout(BufWriter::new(io::stdout())));
        };
        let shown = path.display();
        if path.exists() {
            bail!("`{shown}` is there already\nhint: remove it, or choose another name");
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        // What people saw is nobody else's business on this machine.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
        let file = match file {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!(
                "`{}` is there already\nhint: another export writes it, or was cut off: \
                 then remove it",
                part.display()
            ),
            file => file.with_context(|| format!("cannot write `{}`", part.display()))?,
        };
        Ok(Self::File(Part { path: path.to_owned(), part, file: BufWriter::new(file) }))
    }

    /// Everything is written: a file gets its name. Gives it.
    pub(super) fn commit(mut self) -> anyhow::Result<Option<PathBuf>> {
        match self.flush() {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(None),
            flushed => flushed.context("cannot write the export")?,
        }
        let Self::File(file) = &mut self else { return Ok(None) };
        file.file.get_ref().sync_all()?;
        std::fs::rename(&file.part, &file.path)
            .with_context(|| format!("cannot write `{}`", file.path.display()))?;
        Ok(Some(file.path.clone()))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File(part) => part.file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File(part) => part.file.flush(),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After a commit it has another name.
        let _ = std::fs::remove_file(&self.part);
    }
}

/// Whether the reader of standard output went away.
pub(super) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|e| e.io_error_kind() == Some(ErrorKind::BrokenPipe))
    })
}
