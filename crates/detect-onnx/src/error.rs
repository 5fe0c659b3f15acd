//! What can be wrong with a model that somebody brings. No error holds a word of a text.

/// Why a model is refused, or a text could not be searched. The variants say whose fault it is.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// The network is not one that this tier runs.
    #[error("the model is refused: {0}")]
    Model(String),
    /// The tokenizer is not one that this tier knows.
    #[error("the tokenizer is refused: {0}")]
    Tokenizer(String),
    /// The configuration does not say what the outputs mean.
    #[error("the model's configuration is refused: {0}")]
    Config(String),
    /// Labels that nobody has said the category of.
    #[error(
        "no category is known for these labels of the model: {}; hint: say what each means, or \
        that it is not wanted: `--onnx-label {}=none`",
        .0.join(", "), .0.first().map_or("LABEL", String::as_str)
    )]
    Labels(Vec<String>),
    /// A mapping of the caller is wrong.
    #[error("{0}")]
    Mapping(String),
    /// The model failed on a window of a text.
    #[error("the model failed on a window: {0}")]
    Run(String),
}

pub(crate) type Result<T> = std::result::Result<T, Error>;
