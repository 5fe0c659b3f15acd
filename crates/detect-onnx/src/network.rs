//! A network that has been checked, and running it on one window.

use crate::error::{Error, Result};
use crate::labels::Config;
use crate::shapes::{self, Sizes};
use crate::{scan, tokens::Frame};
use rten::{Model, ModelOptions, NodeId, RunOptions, ShapeInferenceMode, ThreadPool, ValueOrView};
use rten_onnx::onnx::{GraphProto, ModelProto};
use rten_onnx::protobuf::{EncodeMessage, ValueWriter};
use rten_tensor::{AsView, Layout, NdTensor};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Bytes of a model; a file of protobuf cannot be larger.
pub(crate) const MODEL_BYTES_MAX: usize = i32::MAX as usize;

/// Tokens of a window, those around it included. Every length is worked out when the model is
/// loaded; a window is filled up to the next one.
const LENGTHS: [usize; 8] = [16, 32, 48, 64, 96, 128, 192, 256];

/// What an input of the network is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Input {
    Ids,
    Mask,
    Types,
}

pub(crate) struct Network {
    model: Model,
    inputs: Vec<(NodeId, Input)>,
    output: NodeId,
    labels: usize,
    lengths: Vec<usize>,
    frame: Frame,
    /// One thread: a text costs what it costs, and the sums have one order.
    threads: Arc<ThreadPool>,
}

impl Network {
    /// Checks the bytes of a model and loads it.
    pub(crate) fn load(bytes: Vec<u8>, config: &Config, frame: Frame) -> Result<Self> {
        if bytes.len() > MODEL_BYTES_MAX {
            return Err(Error::Model(format!("it has more than {MODEL_BYTES_MAX} bytes")));
        }
        scan::check(&bytes)?;
        let parsed = guarded(|| ModelProto::parse_buf(&bytes).map_err(|e| e.to_string()));
        drop(bytes);
        let mut parsed = parsed.map_err(Error::Model)?;
        let Some(graph) = &mut parsed.graph else {
            return Err(Error::Model("it has no graph".to_owned()));
        };
        let inputs = inputs(graph)?;
        let output = match graph.output.as_slice() {
            [only] => only,
            all => all
                .iter()
                .find(|it| it.name.as_deref() == Some("logits"))
                .ok_or_else(|| Error::Model("it has no one output, nor `logits`".to_owned()))?,
        };
        let output = output.name.clone().unwrap_or_default();
        let lengths = lengths(graph, &inputs, config)?;
        for length in &lengths {
            let sizes: Vec<_> =
                inputs.iter().map(|(name, _)| (name.as_str(), vec![1, *length as u64])).collect();
            let made = shapes::infer(graph, &sizes)?;
            answers(&made, &output, *length, config.labels.len())?;
        }
        forget_claims(graph);
        let checked = guarded(|| {
            let mut bytes = Vec::new();
            let written = parsed.encode(ValueWriter::new(&mut bytes));
            written.map(|()| bytes).map_err(|e| e.to_string())
        });
        drop(parsed);
        let mut options = ModelOptions::with_all_ops();
        // SECURITY: it reads shapes with symbols in them, and nothing bounds what it makes.
        options.shape_inference(ShapeInferenceMode::Off);
        let model = guarded(|| options.load(checked?).map_err(|error| error.to_string()));
        let model = model.map_err(Error::Model)?;
        let find = |name: &str| {
            let id = model.find_node(name);
            id.ok_or_else(|| Error::Model(format!("`{name}` is in no node")))
        };
        let inputs = inputs.iter().map(|(name, input)| Ok((find(name)?, *input)));
        Ok(Self {
            inputs: inputs.collect::<Result<_>>()?,
            output: find(&output)?,
            labels: config.labels.len(),
            lengths,
            frame,
            threads: Arc::new(ThreadPool::with_num_threads(1)),
            model,
        })
    }

    /// Tokens of a text that fit into one window.
    pub(crate) fn room(&self) -> usize {
        self.lengths.last().map_or(0, |length| length - 2)
    }

    /// The chances of the labels for each token, in the order of the tokens.
    pub(crate) fn run(&self, tokens: &[i32]) -> Result<Vec<Vec<f32>>> {
        let used = tokens.len() + 2;
        let length = self.lengths.iter().copied().find(|length| *length >= used);
        let length = length.expect("windows are cut to the largest length");
        let mut ids = vec![self.frame.filler; length];
        ids[0] = self.frame.before;
        ids[1..used - 1].copy_from_slice(tokens);
        ids[used - 1] = self.frame.after;
        let mask: Vec<i32> = (0..length).map(|at| i32::from(at < used)).collect();
        let tensor = |values: Vec<i32>| NdTensor::from_data([1, length], values);
        let values = self.inputs.iter().map(|(node, input)| {
            let values = match input {
                Input::Ids => ids.clone(),
                Input::Mask => mask.clone(),
                Input::Types => vec![0; length],
            };
            (*node, ValueOrView::from(tensor(values)))
        });
        let options = RunOptions::default().with_thread_pool(Some(self.threads.clone()));
        let made = guarded(|| {
            let made = self.model.run(values.collect(), &[self.output], Some(options));
            // Its kind alone: the runtime's words may tell a value.
            let mut made = made.map_err(|error| format!("{:?}", error.kind()))?;
            let made = made.pop().ok_or("no output")?;
            NdTensor::<f32, 3>::try_from(made).map_err(|_| "the output is no table".to_owned())
        });
        let made = made.map_err(Error::Run)?;
        if made.shape() != [1, length, self.labels] {
            return Err(Error::Run("the output has another size than was worked out".to_owned()));
        }
        let rows = made.to_vec();
        rows.chunks_exact(self.labels).skip(1).take(tokens.len()).map(chances).collect()
    }
}

/// Takes out what the file says about sizes.
///
/// SECURITY: the runtime's optimizer believes it, and would make other values than were checked.
fn forget_claims(graph: &mut GraphProto) {
    graph.value_info.clear();
    for value in graph.input.iter_mut().chain(&mut graph.output) {
        if let Some(tensor) = value.r#type.as_mut().and_then(|it| it.tensor_type.as_mut()) {
            tensor.shape = None;
        }
    }
}

/// From logits to chances.
fn chances(row: &[f32]) -> Result<Vec<f32>> {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = row.iter().map(|it| (it - most).exp()).collect();
    let sum: f32 = powers.iter().sum();
    if !sum.is_finite() || row.iter().any(|it| it.is_nan()) {
        return Err(Error::Run("an output is not a number".to_owned()));
    }
    Ok(powers.iter().map(|it| it / sum).collect())
}

/// The network's inputs, in its order.
fn inputs(graph: &GraphProto) -> Result<Vec<(String, Input)>> {
    let mut inputs = Vec::new();
    let weights: HashSet<_> = graph.initializer.iter().map(|it| it.name.as_deref()).collect();
    for value in &graph.input {
        let name = value.name.clone().unwrap_or_default();
        // Old exports list the weights too.
        if weights.contains(&Some(name.as_str())) {
            continue;
        }
        let input = match name.as_str() {
            "input_ids" => Input::Ids,
            "attention_mask" => Input::Mask,
            "token_type_ids" => Input::Types,
            _ => {
                return Err(Error::Model(format!(
                    "it wants `{}`; known are `input_ids`, `attention_mask`, `token_type_ids`",
                    name.escape_debug()
                )));
            }
        };
        inputs.push((name, input));
    }
    for wanted in [Input::Ids, Input::Mask] {
        if !inputs.iter().any(|(_, input)| *input == wanted) {
            let why = "it has no `input_ids`, or no `attention_mask`";
            return Err(Error::Model(why.to_owned()));
        }
    }
    Ok(inputs)
}

/// The lengths that the network takes: one if it declares one, else all that it has places for.
fn lengths(graph: &GraphProto, inputs: &[(String, Input)], config: &Config) -> Result<Vec<usize>> {
    let largest = LENGTHS[LENGTHS.len() - 1];
    let places = config.positions_max.unwrap_or(largest);
    let mut declared = None;
    for value in &graph.input {
        let is_ours = inputs.iter().any(|(name, _)| value.name.as_deref() == Some(name));
        match shapes::declared(value).as_deref() {
            _ if !is_ours => {}
            None | Some([None | Some(1), None]) => {}
            Some([None | Some(1), Some(length)]) => declared = usize::try_from(*length).ok(),
            Some(_) => {
                let why = "its inputs are not one row of tokens";
                return Err(Error::Model(why.to_owned()));
            }
        }
    }
    let lengths: Vec<usize> = match declared {
        Some(length) if (LENGTHS[0]..=2 * largest).contains(&length) => vec![length],
        Some(_) => Vec::new(),
        None => LENGTHS.into_iter().filter(|length| *length <= places).collect(),
    };
    if lengths.is_empty() {
        return Err(Error::Model(format!("it takes no text of {} tokens", LENGTHS[0])));
    }
    Ok(lengths)
}

/// Checks that the output has a row for each token and a column for each label.
fn answers(made: &Sizes<'_>, output: &str, length: usize, labels: usize) -> Result<()> {
    let wanted = [1, length as u64, labels as u64];
    match made.dims(output) {
        Some(dims) if dims == wanted => Ok(()),
        dims => Err(Error::Model(format!(
            "its output has the size {:?}, {wanted:?} is wanted: one, tokens, labels",
            dims.unwrap_or_default()
        ))),
    }
}

/// The runtime panics on some models that it should refuse.
fn guarded<T>(
    run: impl FnOnce() -> std::result::Result<T, String>,
) -> std::result::Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err("the runtime gave up".to_owned()))
}
