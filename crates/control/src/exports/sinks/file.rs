//! A file that grows line by line and is rotated by size.

use crate::config::FileExport;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// The file, open while it is written.
pub(super) struct FileSink {
    config: FileExport,
    open: Option<File>,
}

impl FileSink {
    pub(super) fn new(config: FileExport) -> Self {
        Self { config, open: None }
    }

    /// Appends lines; they are on the disk when this returns.
    pub(super) fn append(&mut self, lines: &[String]) -> io::Result<()> {
        let written = self.write(lines);
        if written.is_err() {
            self.open = None;
        }
        written
    }

    fn write(&mut self, lines: &[String]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        let mut file = match self.open.take() {
            Some(file) => file,
            None => self.open_file()?,
        };
        let length = file.metadata()?.len();
        if length > 0 && length + bytes.len() as u64 > self.config.size_max {
            drop(file);
            self.rotate()?;
            file = self.open_file()?;
        }
        file.write_all(&bytes)?;
        file.sync_data()?;
        self.open = Some(file);
        Ok(())
    }

    /// A line that a stop has cut off is ended: what comes behind it is whole.
    fn open_file(&self) -> io::Result<File> {
        if let Some(folder) = self.config.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).append(true).create(true).mode(0o640).open(&self.config.path)?;
        let length = file.metadata()?.len();
        if length > 0 {
            let mut last = [0];
            file.seek(SeekFrom::Start(length - 1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(file)
    }

    /// `events.log` becomes `events.log.1`, which becomes `events.log.2`, ….
    fn rotate(&self) -> io::Result<()> {
        for number in (1..self.config.keep).rev() {
            let (from, to) = (self.numbered(number), self.numbered(number + 1));
            if from.exists() {
                std::fs::rename(from, to)?;
            }
        }
        match self.config.keep {
            0 => std::fs::remove_file(&self.config.path),
            _ => std::fs::rename(&self.config.path, self.numbered(1)),
        }
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.config.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_rotated_by_size_and_cut_lines_are_ended() {
        let above = tempfile::tempdir().unwrap();
        // The sink makes it.
        let folder = above.path().join("exports");
        let path = folder.join("events.log");
        let mut sink = FileSink::new(FileExport { path: path.clone(), size_max: 10, keep: 2 });
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        for line in ["aaaa", "bbbb", "cccc", "dddd", "eeee", "ffff", "gggg"] {
            sink.append(&[line.to_owned()]).unwrap();
        }
        assert_eq!(read("events.log"), "gggg\n");
        assert_eq!(read("events.log.1"), "eeee\nffff\n");
        assert_eq!(read("events.log.2"), "cccc\ndddd\n");
        assert_eq!(read("events.log.3"), "", "no more than are to be kept");
        std::fs::write(&path, "cut").unwrap();
        let mut sink = FileSink::new(FileExport { path, size_max: 100, keep: 2 });
        sink.append(&["whole".to_owned()]).unwrap();
        assert_eq!(read("events.log"), "cut\nwhole\n");
    }
}
