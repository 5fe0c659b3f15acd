//! What a network would need, worked out before the runtime sees it: the size of every value for
//! one length of a window. The runtime trusts a model with the machine's memory and time; here a
//! model has a budget, and what cannot be worked out is refused.
//!
//! Sizes are numbers, never symbols, because every window is filled up to one of a few lengths.
//! Integers that shapes are made of are followed too. No weight is read.

mod ops;

use crate::error::{Error, Result};
use rten_onnx::onnx::{DataType, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use std::collections::HashMap;

/// Elements of all values that one window makes, as if none were freed before the end: two
/// gigabytes of four bytes each. A large BERT needs a fifth of it.
pub(crate) const ELEMENTS_MAX: u64 = 1 << 29;

/// Multiplications for one window; some seconds of one core.
pub(crate) const WORK_MAX: u64 = 1 << 38;

/// Nodes of a graph. A large BERT has three thousand; the runtime's passes over them repeat.
pub(crate) const NODES_MAX: usize = 20_000;

/// Nodes one behind the other. The runtime plans by recursion; a large BERT has two thousand.
pub(crate) const DEPTH_MAX: u32 = 4_000;

/// Integers of one value that are followed.
const INTEGERS_MAX: u64 = 4096;

/// A value whose size is known, and perhaps what it holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Known {
    pub(crate) dims: Vec<u64>,
    /// As the runtime holds them: within 32 bits.
    pub(crate) integers: Option<Vec<i64>>,
}

/// A value of the graph.
struct Value {
    known: Known,
    /// The longest way of nodes to it.
    depth: u32,
}

impl Known {
    pub(crate) fn of(dims: Vec<u64>) -> Self {
        Self { dims, integers: None }
    }

    /// Saturates, so that no product of sizes is small by accident.
    pub(crate) fn elements(&self) -> u64 {
        self.dims.iter().fold(1, |product, dim| product.saturating_mul(*dim))
    }
}

/// Why a node is refused.
pub(crate) type Refusal = std::result::Result<Vec<Known>, String>;

/// What a graph came to.
pub(crate) struct Sizes<'a> {
    values: HashMap<&'a str, Value>,
}

impl Sizes<'_> {
    /// The size of a value that was made.
    pub(crate) fn dims(&self, name: &str) -> Option<&[u64]> {
        self.values.get(name).map(|value| value.known.dims.as_slice())
    }
}

/// Works out a graph whose inputs have these sizes.
pub(crate) fn infer<'a>(
    graph: &'a GraphProto,
    inputs: &[(&'a str, Vec<u64>)],
) -> Result<Sizes<'a>> {
    if graph.node.len() > NODES_MAX {
        return Err(Error::Model(format!("it has more than {NODES_MAX} nodes")));
    }
    let mut sizes = Sizes { values: HashMap::new() };
    for tensor in &graph.initializer {
        let name = tensor.name.as_deref().unwrap_or_default();
        put(&mut sizes, name, constant(tensor).map_err(|why| refused(name, &why))?, 0)?;
    }
    for (name, dims) in inputs {
        put(&mut sizes, name, Known::of(dims.clone()), 0)?;
    }
    let (mut elements, mut work) = (0_u64, 0_u64);
    for node in &graph.node {
        let outputs = run(node, &sizes)?;
        for (name, known) in node.output.iter().zip(outputs.made) {
            elements = elements.saturating_add(known.elements());
            work = work.saturating_add(known.elements());
            if !name.is_empty() {
                put(&mut sizes, name, known, outputs.depth)?;
            }
        }
        work = work.saturating_add(outputs.work);
        if elements > ELEMENTS_MAX {
            let limit = ELEMENTS_MAX / (1 << 20);
            let why = format!("up to here, one window makes more than {limit} million numbers");
            return Err(refused(label(node), &why));
        }
        if work > WORK_MAX {
            let limit = WORK_MAX / 1_000_000_000;
            let why = format!("up to here, one window takes more than {limit} billion steps");
            return Err(refused(label(node), &why));
        }
    }
    Ok(sizes)
}

struct Made {
    made: Vec<Known>,
    /// Steps beyond one for each element that is made.
    work: u64,
    depth: u32,
}

fn run(node: &NodeProto, sizes: &Sizes<'_>) -> Result<Made> {
    let mut inputs = Vec::with_capacity(node.input.len());
    let mut depth = 1;
    for name in &node.input {
        let value = match name.as_str() {
            "" => None,
            name => Some(sizes.values.get(name).ok_or_else(|| {
                refused(label(node), &format!("`{name}` is used before it is made"))
            })?),
        };
        depth = depth.max(value.map_or(0, |value| value.depth) + 1);
        inputs.push(value.map(|value| &value.known));
    }
    if depth > DEPTH_MAX {
        let why = format!("more than {DEPTH_MAX} nodes stand one behind the other");
        return Err(refused(label(node), &why));
    }
    let node_of = ops::Node { node, inputs: &inputs };
    let made = node_of.outputs().map_err(|why| refused(label(node), &why))?;
    let wanted = node.output.iter().rposition(|name| !name.is_empty()).map_or(0, |at| at + 1);
    if made.len() < wanted {
        return Err(refused(label(node), &format!("its output {wanted} is not known here")));
    }
    let work = node_of.work(&made);
    Ok(Made { made, work, depth })
}

/// INVARIANT: a name has one value. The runtime would take the last, this check the first.
fn put<'a>(sizes: &mut Sizes<'a>, name: &'a str, known: Known, depth: u32) -> Result<()> {
    if sizes.values.insert(name, Value { known, depth }).is_some() {
        return Err(refused(name, "two values have this name"));
    }
    Ok(())
}

/// The size of a constant, and its integers if it has few.
fn constant(tensor: &TensorProto) -> std::result::Result<Known, String> {
    let mut dims = Vec::with_capacity(tensor.dims.len());
    for dim in &tensor.dims {
        dims.push(u64::try_from(*dim).map_err(|_| "a size is negative")?);
    }
    let known = Known::of(dims);
    let raw = tensor.raw_data.as_ref().map(|data| data.borrow());
    let held = raw.as_ref().map_or(0, |raw| raw.len())
        + tensor.float_data.len()
        + tensor.int32_data.len()
        + tensor.int64_data.len()
        + tensor.double_data.len();
    if known.elements() > held as u64 {
        return Err("it says that it is larger than its data".to_owned());
    }
    if known.elements() > INTEGERS_MAX {
        return Ok(known);
    }
    let integers: Option<Vec<i64>> = match (tensor.data_type, raw) {
        (Some(DataType::INT64), Some(raw)) if !raw.is_empty() => {
            Some(raw.chunks_exact(8).map(|b| i64::from_le_bytes(bytes(b))).collect())
        }
        (Some(DataType::INT32), Some(raw)) if !raw.is_empty() => {
            Some(raw.chunks_exact(4).map(|b| i32::from_le_bytes(bytes(b)).into()).collect())
        }
        (Some(DataType::INT64), _) => Some(tensor.int64_data.clone()),
        (Some(DataType::INT32), _) => {
            Some(tensor.int32_data.iter().copied().map(i64::from).collect())
        }
        _ => None,
    };
    let integers = integers.filter(|list| list.len() as u64 == known.elements());
    // The runtime holds 64-bit integers in 32 bits, and saturates.
    let clamp = |value: i64| value.clamp(i32::MIN.into(), i32::MAX.into());
    let integers = integers.map(|list| list.into_iter().map(clamp).collect());
    Ok(Known { integers, ..known })
}

fn bytes<const N: usize>(chunk: &[u8]) -> [u8; N] {
    chunk.try_into().expect("`chunks_exact` makes chunks of this size")
}

/// The sizes that a graph declares for an input; a name instead of a number is nothing.
pub(crate) fn declared(value: &ValueInfoProto) -> Option<Vec<Option<i64>>> {
    let shape = value.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?;
    Some(shape.dim.iter().map(|dim| dim.dim_value).collect())
}

fn label(node: &NodeProto) -> &str {
    let name = node.name.as_deref().unwrap_or_default();
    if name.is_empty() { node.output.first().map_or("", String::as_str) } else { name }
}

/// SECURITY: names come from the file; a control character would play with the terminal.
fn refused(name: &str, why: &str) -> Error {
    let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(200).collect::<String>();
    Error::Model(format!("at `{}`: {}", plain(name), plain(why)))
}

#[cfg(test)]
mod tests;
