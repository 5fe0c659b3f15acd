//! The body of `add-checkpoint`.
//!
//! ```text
//! old 20852014
//! PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
//! …
//!
//! example.com/behind-the-sofa
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeO…
//! ```

use crate::tlog::merkle::Hash;
use crate::tlog::note::{NOTE_BYTES_MAX, decimal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// The most hashes of a proof, by the specification.
const PROOF_LINES_MAX: usize = 63;

/// A checkpoint for a witness, and the proof that it continues an older one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddCheckpoint {
    /// The size that the witness cosigned last.
    pub old_size: u64,
    /// The consistency proof from there.
    pub proof: Vec<Hash>,
    /// The signed note.
    pub checkpoint: String,
}

impl AddCheckpoint {
    /// The longest body that is read.
    pub const BYTES_MAX: usize = NOTE_BYTES_MAX + 64 * (PROOF_LINES_MAX + 1);

    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong, for the log's operator.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or("there is no empty line")?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old "));
        let old_size = old.and_then(decimal).ok_or("the first line is not `old SIZE`")?;
        let hash = |line: &str| -> Option<Hash> { BASE64.decode(line).ok()?.try_into().ok() };
        let proof: Option<Vec<Hash>> = lines.map(hash).collect();
        let proof = proof.ok_or("a line of the proof is not the base64 of 32 bytes")?;
        if proof.len() > PROOF_LINES_MAX {
            return Err("the proof has more than 63 lines");
        }
        Ok(Self { old_size, proof, checkpoint: checkpoint.to_owned() })
    }

    /// Writes the request's body.
    #[must_use]
    pub fn to_body(&self) -> String {
        let proof: String = self.proof.iter().map(|hash| BASE64.encode(hash) + "\n").collect();
        format!("old {}\n{proof}\n{}", self.old_size, self.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    const EXAMPLE: &str = "old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
";

    #[test]
    fn the_example_of_the_specification_is_read_and_written() {
        let request = AddCheckpoint::parse(EXAMPLE).unwrap();
        assert_eq!((request.old_size, request.proof.len()), (20_852_014, 4));
        assert_eq!(request.to_body(), EXAMPLE);
        let checkpoint = crate::Checkpoint::unverified(&request.checkpoint).unwrap();
        assert_eq!(checkpoint.size, 20_852_163);
    }

    #[test]
    fn what_is_not_the_format_is_refused() {
        let check = |text: &str| assert!(AddCheckpoint::parse(text).is_err(), "{text:?}");
        check("");
        check("old 1\n");
        check("old 01\n\nx\n");
        check("old +1\n\nx\n");
        check("old  1\n\nx\n");
        check("OLD 1\n\nx\n");
        check("old 1\r\n\r\nx\n");
        check("old 1\nAAAA\n\nx\n");
        check("old 18446744073709551616\n\nx\n");
        let line = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";
        check(&format!("old 1\n{}\nx\n", line.repeat(64)));
        assert!(AddCheckpoint::parse(&format!("old 1\n{}\nx\n", line.repeat(63))).is_ok());
        assert!(AddCheckpoint::parse(&format!("old 1\n {line}\nx\n")).is_err());
    }

    proptest::proptest! {
        #[test]
        fn requests_round_trip(old_size: u64, proof: Vec<[u8; 32]>, note in "[ -~]{1,40}\n") {
            let request = AddCheckpoint { old_size, proof, checkpoint: note };
            let read = AddCheckpoint::parse(&request.to_body());
            match request.proof.len() <= PROOF_LINES_MAX {
                true => proptest::prop_assert_eq!(read, Ok(request)),
                false => proptest::prop_assert!(read.is_err()),
            }
        }
    }
}
