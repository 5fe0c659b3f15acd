//! Where an export goes: standard output, or a file that appears when it is whole.

use anyhow::{Context, bail};
use portreeve_files::{Durability, Fresh};
use std::io::{self, BufWriter, ErrorKind, IntoInnerError, Stdout, Write};
use std::path::{Path, PathBuf};

/// Where the bytes go.
pub(super) enum Output {
    Stdout(BufWriter<Stdout>),
    File(PathBuf, BufWriter<Fresh>),
}

impl Output {
    /// Opens a file that must not be there yet, or standard output.
    pub(super) fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else {
            return Ok(Self::Stdout(BufWriter::new(io::stdout())));
        };
        if path.exists() {
            return is_there(path);
        }
        // What people saw is nobody else's business on this machine.
        let fresh = Fresh::beside(path, 0o600);
        let fresh = fresh.with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok(Self::File(path.to_owned(), BufWriter::new(fresh)))
    }

    /// Everything is written: a file gets its name. Gives it.
    pub(super) fn commit(self) -> anyhow::Result<Option<PathBuf>> {
        let (path, file) = match self {
            Self::File(path, file) => (path, file),
            Self::Stdout(mut out) => match out.flush() {
                Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                    return Err(error).context("cannot write the export");
                }
                _ => return Ok(None),
            },
        };
        let fresh = file.into_inner().map_err(IntoInnerError::into_error);
        match fresh.and_then(|fresh| fresh.fill(Durability::OfName)) {
            Ok(()) => Ok(Some(path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => is_there(&path),
            Err(error) => Err(error).with_context(|| format!("cannot write `{}`", path.display())),
        }
    }
}

fn is_there<T>(path: &Path) -> anyhow::Result<T> {
    let shown = path.display();
    bail!("`{shown}` is there already\nhint: remove it, or choose another name")
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File(_, file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File(_, file) => file.flush(),
        }
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
