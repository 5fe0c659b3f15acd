//! What `detect` searches texts with: the detector, and behind it, where the feature `onnx` is
//! built in, a model that the user brings.

use anyhow::bail;
use portreeve_detect::{Detector, Finding, ValueContext, jsonl};
use std::path::PathBuf;

#[cfg(feature = "onnx")]
use super::output::progress_bar;
#[cfg(feature = "onnx")]
use portreeve_detect_onnx::{Files, Options, Tier};

/// Options of `detect` that are about a model.
#[derive(Debug, clap::Args)]
pub(crate) struct ModelArgs {
    /// Also run a model of your own over texts, for names and what else it marks: a folder with
    /// `model.onnx` (a BERT that classifies tokens), `tokenizer.json` (WordPiece) and
    /// `config.json` (`id2label`). What the detector proves goes before. Not with `--mask`. About
    /// ten kilobytes a second with a small one; needs a binary built with `--features onnx`.
    // Masking searches documents part by part, without a model: together they would promise more.
    #[arg(long = "onnx", value_name = "DIR", conflicts_with = "mask")]
    folder: Option<PathBuf>,
    /// What a label of the model means: a category, or `none` if it is not wanted. Needed for
    /// every label that is not a common one; may be given again.
    #[arg(long = "onnx-label", value_name = "LABEL=CATEGORY", requires = "folder")]
    labels: Vec<String>,
    /// Leave words of which the model is less sure than this.
    #[arg(long = "onnx-score", value_name = "PERCENT", requires = "folder", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=100))]
    score_min: u8,
}

impl ModelArgs {
    pub(crate) fn has_model(&self) -> bool {
        self.folder.is_some()
    }
}

/// Searches texts.
pub(crate) struct Finder {
    detector: Detector,
    #[cfg(feature = "onnx")]
    tier: Option<Tier>,
}

impl Finder {
    #[cfg(not(feature = "onnx"))]
    pub(crate) fn open(args: &ModelArgs) -> anyhow::Result<Self> {
        if args.has_model() {
            bail!(
                "this binary cannot run models; \
                hint: build one with `cargo build --release --features onnx`"
            );
        }
        let _ = (&args.labels, args.score_min);
        Ok(Self { detector: Detector::default() })
    }

    #[cfg(feature = "onnx")]
    pub(crate) fn open(args: &ModelArgs) -> anyhow::Result<Self> {
        Ok(Self { detector: Detector::default(), tier: model::open(args)? })
    }

    /// Searches one text, with a bar where that takes long.
    pub(crate) fn detect(&self, text: &str, found: &mut Vec<Finding>) -> anyhow::Result<()> {
        self.detector.detect_long(text, found);
        #[cfg(feature = "onnx")]
        if let Some(tier) = &self.tier {
            let bar = progress_bar("searching");
            bar.set_length(text.len() as u64);
            tier.detect(text, found, |bytes| bar.set_position(bytes as u64))?;
            bar.finish_and_clear();
        }
        Ok(())
    }

    /// Answers one line of `--jsonl text`. The inner error is the line's fault.
    pub(crate) fn text_line(&self, line: &str) -> anyhow::Result<serde_json::Result<String>> {
        let line = match jsonl::TextLine::read(line) {
            Ok(line) => line,
            Err(error) => return Ok(Err(error)),
        };
        let mut found = Vec::new();
        let context = ValueContext::of(line.label(), &[]);
        self.detector.scan_long(line.text(), context, &mut found);
        #[cfg(feature = "onnx")]
        if let Some(tier) = &self.tier {
            tier.detect(line.text(), &mut found, |_| {})?;
        }
        Ok(line.answer(&found))
    }
}

/// Reading a model's folder.
#[cfg(feature = "onnx")]
mod model {
    use super::*;
    use anyhow::Context;
    use portreeve_detect::{Category, TAXONOMY};
    use std::io::Read;
    use std::path::Path;

    const MODEL_BYTES_MAX: u64 = 2 << 30;
    const TOKENIZER_BYTES_MAX: u64 = 64 << 20;
    const CONFIG_BYTES_MAX: u64 = 1 << 20;

    pub(super) fn open(args: &ModelArgs) -> anyhow::Result<Option<Tier>> {
        let Some(folder) = &args.folder else { return Ok(None) };
        let labels = args.labels.iter().map(|label| mapping(label)).collect::<Result<_, _>>()?;
        let options = Options { score_min: args.score_min, labels, ..Options::default() };
        let model = read(folder, "model.onnx", MODEL_BYTES_MAX)?;
        let tokenizer = text(folder, "tokenizer.json", TOKENIZER_BYTES_MAX)?;
        let config = text(folder, "config.json", CONFIG_BYTES_MAX)?;
        let files = Files { model, tokenizer: &tokenizer, config: &config };
        let tier = Tier::load(files, &options);
        tier.map(Some).with_context(|| format!("cannot use the model in `{}`", folder.display()))
    }

    fn text(folder: &Path, name: &str, bytes_max: u64) -> anyhow::Result<String> {
        let bytes = read(folder, name, bytes_max)?;
        let path = folder.join(name);
        String::from_utf8(bytes).with_context(|| format!("`{}` is not UTF-8", path.display()))
    }

    fn read(folder: &Path, name: &str, bytes_max: u64) -> anyhow::Result<Vec<u8>> {
        let path = folder.join(name);
        let missing = || {
            format!(
                "cannot read `{}`; hint: `optimum-cli export onnx --task token-classification` \
                writes such a folder",
                path.display()
            )
        };
        let file = std::fs::File::open(&path).with_context(missing)?;
        let mut bytes = Vec::new();
        file.take(bytes_max + 1).read_to_end(&mut bytes).with_context(missing)?;
        if bytes.len() as u64 > bytes_max {
            bail!("`{}` has more than {bytes_max} bytes", path.display());
        }
        Ok(bytes)
    }

    fn mapping(text: &str) -> anyhow::Result<(String, Option<Category>)> {
        let Some((label, name)) = text.split_once('=') else {
            bail!("`{text}` is not `LABEL=CATEGORY`; hint: `MISC=none`");
        };
        let category = Category::from_name(name);
        if category.is_none() && name != "none" {
            let names: Vec<_> = TAXONOMY.iter().map(|entry| entry.name).collect();
            bail!("there is no category `{name}`; hint: `none`, {}", names.join(", "));
        }
        Ok((label.to_owned(), category))
    }
}
