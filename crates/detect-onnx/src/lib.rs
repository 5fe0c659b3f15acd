//! A token classifier that the user brings (a BERT that marks names or personal data, exported
//! to ONNX) behind the detector, for who wants more recall and has the time.
//!
//! It reads no file and keeps nothing of a text. A model is taken for hostile: before the runtime
//! sees it, its structure is bounded (`scan`), only listed operators are allowed, and the memory
//! and the steps of one window are worked out (`shapes`). It does not learn, does not fetch
//! models, and takes one kind of tokenizer (WordPiece).
//!
//! Limits: a model of 2 GB, of which 8 MB may be structure; 2²⁹ numbers and 2³⁸ multiplications
//! for one window of at most 256 tokens (512 where a model has one fixed length). A text costs
//! about 60 bytes of memory for each of its words, and time in proportion to its windows.
//!
//! The same model, text and kind of processor give the same findings: one thread, one order.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
mod labels;
mod network;
mod scan;
mod shapes;
mod tokens;
mod windows;

pub use error::Error;

use error::Result;
use labels::Label;
use network::Network;
use portreeve_detect::{Categories, Category, Finding};
use tokens::{Tokenizer, Tokens};

/// The three files of a model, as bytes and text.
#[derive(Debug)]
pub struct Files<'a> {
    /// `model.onnx`: weights included, at most 2 GB.
    pub model: Vec<u8>,
    /// `tokenizer.json` of Hugging Face, with a WordPiece model.
    pub tokenizer: &'a str,
    /// `config.json`, of which `id2label` and `max_position_embeddings` are read.
    pub config: &'a str,
}

/// What to report, and what labels mean.
#[derive(Clone, Debug)]
pub struct Options {
    /// The categories to report.
    pub categories: Categories,
    /// Words whose chance (percent) is below this are left.
    pub score_min: u8,
    /// Labels of the model, without `B-` and the like, that the built-in table does not know or
    /// knows otherwise. Nothing is for labels that are not to be reported.
    pub labels: Vec<(String, Option<Category>)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { categories: Categories::ALL, score_min: 50, labels: Vec::new() }
    }
}

/// A loaded model.
pub struct Tier {
    network: Network,
    tokenizer: Tokenizer,
    labels: Vec<Label>,
    categories: Categories,
    least: f32,
}

impl Tier {
    /// Checks and loads a model.
    ///
    /// # Errors
    /// When a file is not what this crate supports, asks for more than the limits, or has a label
    /// that neither the table nor the options know. The message says which.
    pub fn load(files: Files<'_>, options: &Options) -> Result<Self> {
        let config = labels::read(files.config, &options.labels)?;
        let tokenizer = Tokenizer::load(files.tokenizer)?;
        let network = Network::load(files.model, &config, tokenizer.frame)?;
        Ok(Self {
            network,
            tokenizer,
            labels: config.labels,
            categories: options.categories,
            least: f32::from(options.score_min) / 100.0,
        })
    }

    /// Adds what the model finds in `text` to `found`, which holds the detector's findings of the
    /// same text and nothing else; sorted and disjoint afterwards. A finding of the detector that
    /// has structure stays as it is. `progress` is told the bytes that are done.
    ///
    /// # Errors
    /// When the model fails on a window; `found` is then as it was.
    pub fn detect(
        &self,
        text: &str,
        found: &mut Vec<Finding>,
        mut progress: impl FnMut(usize),
    ) -> Result<()> {
        let Tokens { ids, words } = self.tokenizer.split(text);
        let mut guesses = Vec::with_capacity(words.len());
        for window in windows::windows(&words, self.network.room()) {
            let seen = &words[window.seen];
            let first = seen.first().map_or(0, |word| word.pieces.start);
            let last = seen.last().map_or(0, |word| word.pieces.end);
            let last = last.min(first + self.network.room());
            let rows = self.network.run(&ids[first..last])?;
            for word in &words[window.kept] {
                let row = &rows[word.pieces.start - first];
                guesses.push(windows::guess(row, &self.labels, self.least));
                progress(word.range.end);
            }
        }
        let mut more = windows::join(&words, &guesses);
        more.retain(|finding| self.categories.contains(finding.category));
        windows::merge(text, found, more);
        Ok(())
    }
}
