//! Runs a target over seeds and mutated inputs.

use crate::mutate::{Random, mutate};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A parser under test.
pub(crate) struct Campaign<'a> {
    /// The name of its folders.
    pub(crate) target: &'a str,
    /// Inputs of a test run.
    pub(crate) inputs: usize,
    /// Beside those in `fuzz/seeds/TARGET`.
    pub(crate) seeds: Vec<Vec<u8>>,
    /// Words that its language has.
    pub(crate) words: &'a [&'a str],
}

impl Campaign<'_> {
    /// Hands every input to `check`, which panics when a promise is broken.
    pub(crate) fn run(mut self, mut check: impl FnMut(&[u8])) {
        let kept = root().join("seeds").join(self.target);
        let mut files: Vec<_> = std::fs::read_dir(kept)
            .into_iter()
            .flatten()
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        self.seeds.extend(files.iter().map(|file| std::fs::read(file).unwrap()));
        assert!(!self.seeds.is_empty(), "a target needs seeds");
        for seed in &self.seeds {
            self.one(seed, &mut check);
        }
        let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
        let mut random = Random::new(number("FUZZ_SEED").unwrap_or(1));
        let until =
            number("FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let mut count = 0;
        while until.map_or(count < self.inputs, |until| Instant::now() < until) {
            let input = mutate(&mut random, &self.seeds, self.words);
            self.one(&input, &mut check);
            count += 1;
        }
        println!("{}: {} seeds, {count} inputs", self.target, self.seeds.len());
    }

    fn one(&self, input: &[u8], check: &mut impl FnMut(&[u8])) {
        // Written before it is tried: a stack that overflows ends the process at once.
        let folder = root().join("found").join(self.target);
        std::fs::create_dir_all(&folder).unwrap();
        let sum = input.iter().fold(5381_u64, |sum, byte| sum.wrapping_mul(33) ^ u64::from(*byte));
        let file = folder.join(format!("{sum:016x}"));
        std::fs::write(&file, input).unwrap();
        match catch_unwind(AssertUnwindSafe(|| check(input))) {
            Ok(()) => std::fs::remove_file(&file).unwrap(),
            Err(panic) => {
                println!("{}: written to {}", self.target, file.display());
                resume_unwind(panic);
            }
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz"))
}

/// A folder that goes with its value.
pub(crate) struct Folder(
    pub(crate) PathBuf,
    #[expect(dead_code, reason = "its end removes the folder")] TempDir,
);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let folder = TempDir::with_prefix(name).unwrap();
        Self(folder.path().to_owned(), folder)
    }
}
