//! One record's proof in the C2SP format: <https://c2sp.org/tlog-proof>.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra eyJhdF91cyI6…             the leaf, base64
//! index 1731
//! gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
//! …
//!
//! portreeve/3c5b…                 the checkpoint, with the signatures on it
//! 1732
//! 9X0p…=
//!
//! — portreeve/3c5b… kq4n…=
//! ```

use crate::tlog::merkle::Hash;
use crate::tlog::note::{NOTE_BYTES_MAX, decimal};
use crate::tlog::proof::Inclusion;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// The longest path in a tree whose size has 64 bits.
const PATH_LINES_MAX: usize = 63;
/// The longest leaf is 65,535 bytes.
const EXTRA_BYTES_MAX: usize = 96 * 1024;

/// A proof as it is written into a `.tlog-proof` file. Nothing in it is verified yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlogProof {
    /// The leaf: this log's use of the field for extra data.
    pub leaf: Option<Vec<u8>>,
    /// Where it stands, and the path from there.
    pub inclusion: Inclusion,
    /// The signed note.
    pub checkpoint: String,
}

impl TlogProof {
    /// The longest file that is read.
    pub const BYTES_MAX: usize = NOTE_BYTES_MAX + EXTRA_BYTES_MAX + 8 * 1024;

    /// Whether a file's beginning is that of a proof.
    #[must_use]
    pub fn is_begun_by(bytes: &[u8]) -> bool {
        bytes.starts_with(FIRST_LINE.as_bytes())
    }

    /// Reads a file.
    ///
    /// # Errors
    /// What is not as the specification says.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or("there is no empty line")?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err("the first line is not `c2sp.org/tlog-proof@v1`");
        }
        let leaf = match lines.next_if(|line| line.starts_with("extra")) {
            Some(line) => {
                let extra = line.strip_prefix("extra ").and_then(|text| BASE64.decode(text).ok());
                Some(extra.ok_or("the extra data is not base64")?)
            }
            None => None,
        };
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let index = index.ok_or("the line `index NUMBER` is missing")?;
        let hash = |line: &str| -> Option<Hash> { BASE64.decode(line).ok()?.try_into().ok() };
        let path: Option<Vec<Hash>> = lines.map(hash).collect();
        let path = path.ok_or("a line of the proof is not the base64 of 32 bytes")?;
        if path.len() > PATH_LINES_MAX {
            return Err("the proof is longer than any tree is high");
        }
        Ok(Self { leaf, inclusion: Inclusion { index, path }, checkpoint: checkpoint.to_owned() })
    }

    /// Writes the file's text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\n");
        if let Some(leaf) = &self.leaf {
            text.push_str(&format!("extra {}\n", BASE64.encode(leaf)));
        }
        text.push_str(&format!("index {}\n", self.inclusion.index));
        for hash in &self.inclusion.path {
            text.push_str(&BASE64.encode(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification, with signatures that are base64 and extra data that is.
    const EXAMPLE: &str = "c2sp.org/tlog-proof@v1
extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=
RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=
AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=

example.com/fancylog
109482
sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

— example.com/fancylog hI2DJwAA
— witness1.example mJirIkAA
";

    #[test]
    fn the_example_of_the_specification_is_read_and_written() {
        let proof = TlogProof::parse(EXAMPLE).unwrap();
        assert_eq!(proof.leaf.as_deref(), Some(&b"age-v1.2.1-darwin-arm64.tar.gz"[..]));
        assert_eq!((proof.inclusion.index, proof.inclusion.path.len()), (73894, 5));
        assert_eq!(crate::Checkpoint::unverified(&proof.checkpoint).unwrap().size, 109_482);
        assert_eq!(proof.to_text(), EXAMPLE);
        let bare = EXAMPLE.replace("extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6\n", "");
        assert_eq!(TlogProof::parse(&bare).unwrap().leaf, None);
    }

    #[test]
    fn what_is_not_the_format_is_refused() {
        let check = |from: &str, to: &str| {
            let text = EXAMPLE.replacen(from, to, 1);
            assert!(text != EXAMPLE && TlogProof::parse(&text).is_err(), "{from} → {to}");
        };
        check("@v1", "@v2");
        check("extra ", "extra");
        check("extra ", "Extra ");
        check("index 73894", "index 073894");
        check("index 73894\n", "");
        check("gSKy", "gSK");
        check("5vk=\n\n", "5vk=\n");
        let line = "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n";
        check(line, &line.repeat(60));
    }
}
