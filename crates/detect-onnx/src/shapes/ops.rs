//! The operators that a network may have, each with the size of what it makes. This list is the
//! list of what is allowed: nothing here repeats, branches, or makes a size out of a text.
//!
//! SPEC: ONNX operators, opset 9 to 23.

use super::{INTEGERS_MAX, Known, Refusal};
use rten_onnx::onnx::{AttributeProto, DataType, NodeProto};

/// A node and what goes into it.
pub(super) struct Node<'a> {
    pub(super) node: &'a NodeProto,
    pub(super) inputs: &'a [Option<&'a Known>],
}

type Outcome<T> = Result<T, String>;

impl Node<'_> {
    /// What the node makes.
    pub(super) fn outputs(&self) -> Refusal {
        let domain = self.node.domain.as_deref().unwrap_or_default();
        let name = self.node.op_type.as_deref().unwrap_or_default();
        let one = match name {
            // Weights of four bits; the one operator that is not of the standard.
            "MatMulNBits" if domain == "com.microsoft" => self.mat_mul_bits()?,
            _ if !matches!(domain, "" | "ai.onnx") => {
                return Err(format!("the operator `{domain}.{name}` is not supported"));
            }
            "Abs" | "Ceil" | "Clip" | "Cos" | "CumSum" | "DequantizeLinear" | "Elu" | "Erf"
            | "Exp" | "Floor" | "Gelu" | "HardSigmoid" | "IsInf" | "IsNaN"
            | "LayerNormalization" | "LeakyRelu" | "Log" | "LogSoftmax" | "Neg" | "Not"
            | "QuantizeLinear" | "Reciprocal" | "Relu" | "Round" | "Sigmoid" | "Sign" | "Sin"
            | "Softmax" | "Softplus" | "Sqrt" | "Tanh" | "Trilu" => self.same()?,
            "And" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "Max" | "Mean"
            | "Min" | "Mod" | "Or" | "Pow" | "Sum" | "Xor" => self.broadcast(None)?,
            "Add" => self.broadcast(Some(i64::checked_add))?,
            "Sub" => self.broadcast(Some(i64::checked_sub))?,
            "Mul" => self.broadcast(Some(i64::checked_mul))?,
            "Div" => self.broadcast(Some(i64::checked_div))?,
            "Equal" => self.broadcast(Some(|a, b| Some(i64::from(a == b))))?,
            "Where" => self.choose()?,
            "Identity" => self.input(0)?.clone(),
            "Cast" => self.cast()?,
            "Constant" => self.constant()?,
            "ConstantOfShape" => self.constant_of_shape()?,
            "Range" => self.range()?,
            "Shape" => self.shape()?,
            "Size" => Known {
                dims: Vec::new(),
                integers: i64::try_from(self.input(0)?.elements()).ok().map(|size| vec![size]),
            },
            "Gather" => self.gather()?,
            "GatherElements" => Known::of(self.input(1)?.dims.clone()),
            "GatherND" => self.gather_nd()?,
            "Concat" => self.concat()?,
            "Slice" => self.slice()?,
            "Split" => return self.split(),
            "Squeeze" => self.squeeze()?,
            "Unsqueeze" => self.unsqueeze()?,
            "Reshape" => self.reshape()?,
            "Flatten" => self.flatten()?,
            "Transpose" => self.transpose()?,
            "Expand" => {
                let target = Known::of(self.sizes(1)?);
                Known::of(together(&[self.input(0)?, &target])?)
            }
            "Tile" => self.tile()?,
            "MatMul" | "MatMulInteger" => self.mat_mul()?,
            "Gemm" => self.gemm()?,
            "ReduceL2" | "ReduceMax" | "ReduceMean" | "ReduceMin" | "ReduceProd" | "ReduceSum"
            | "ReduceSumSquare" => self.reduce()?,
            "DynamicQuantizeLinear" => {
                let scalar = Known::of(Vec::new());
                return Ok(vec![self.same()?, scalar.clone(), scalar]);
            }
            _ => return Err(format!("the operator `{name}` is not supported")),
        };
        if one.dims.len() > 8 {
            return Err("it has more than eight dimensions".to_owned());
        }
        Ok(vec![one])
    }

    /// Steps beyond one for each element that is made: the inner dimension of products, and
    /// what is read to be summed.
    pub(super) fn work(&self, made: &[Known]) -> u64 {
        let elements = made.first().map_or(0, Known::elements);
        let inner = |axis: usize| {
            let dims = self.inputs.first().copied().flatten().map(|it| it.dims.as_slice());
            dims.and_then(|dims| dims.iter().rev().nth(axis).copied()).unwrap_or(1)
        };
        match self.node.op_type.as_deref().unwrap_or_default() {
            "MatMul" | "MatMulInteger" | "MatMulNBits" => elements.saturating_mul(inner(0)),
            "Gemm" => {
                let transposed = self.integer("transA") == Some(1);
                elements.saturating_mul(inner(usize::from(transposed)))
            }
            name if name.starts_with("Reduce") => self.input(0).map_or(0, Known::elements),
            _ => 0,
        }
    }

    fn input(&self, at: usize) -> Outcome<&Known> {
        self.optional(at).ok_or_else(|| format!("its input {} is missing", at + 1))
    }

    fn optional(&self, at: usize) -> Option<&Known> {
        self.inputs.get(at).copied().flatten()
    }

    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.node.attribute.iter().find(|it| it.name.as_deref() == Some(name))
    }

    fn integer(&self, name: &str) -> Option<i64> {
        self.attribute(name).map(|it| it.i.unwrap_or_default())
    }

    /// The integers of an input; a shape that depends on a text has none.
    fn integers(&self, at: usize) -> Outcome<&[i64]> {
        let integers = self.input(at)?.integers.as_deref();
        integers.ok_or_else(|| "its sizes depend on the text".to_owned())
    }

    fn sizes(&self, at: usize) -> Outcome<Vec<u64>> {
        self.integers(at)?.iter().map(|size| positive(*size)).collect()
    }

    /// Integers that newer opsets have as an input and older ones as an attribute.
    fn listed(&self, at: usize, name: &str) -> Outcome<Option<Vec<i64>>> {
        if self.optional(at).is_some() {
            return Ok(Some(self.integers(at)?.to_vec()));
        }
        Ok(self.attribute(name).map(|it| it.ints.clone()))
    }

    /// Like the first input; smaller inputs beside it (limits, scales) change no size.
    fn same(&self) -> Outcome<Known> {
        let first = self.input(0)?;
        for other in self.inputs.iter().skip(1).flatten() {
            if other.elements() > first.elements().max(1) {
                return Err("an input is larger than the first".to_owned());
            }
        }
        Ok(Known::of(first.dims.clone()))
    }

    fn broadcast(&self, compute: Option<fn(i64, i64) -> Option<i64>>) -> Outcome<Known> {
        let inputs: Vec<&Known> = self.inputs.iter().copied().flatten().collect();
        let dims = together(&inputs)?;
        let (Some(compute), [a, b]) = (compute, inputs.as_slice()) else {
            return Ok(Known::of(dims));
        };
        let integers = match (&a.integers, &b.integers) {
            (Some(left), Some(right)) => pairwise((a, left), (b, right), &dims, compute)?,
            _ => None,
        };
        Ok(Known { dims, integers })
    }

    /// `Where`: shapes that a text's length decides are put together with it.
    fn choose(&self) -> Outcome<Known> {
        let inputs = [self.input(0)?, self.input(1)?, self.input(2)?];
        let made = Known::of(together(&inputs)?);
        let [Some(when), Some(then), Some(other)] = inputs.map(|it| it.integers.as_deref()) else {
            return Ok(made);
        };
        if !inputs.iter().all(|it| one_row(it, &made)) {
            return Ok(made);
        }
        let pick = |place| if at(when, place) != 0 { at(then, place) } else { at(other, place) };
        let integers = (0..made.elements() as usize).map(pick).collect();
        Ok(Known { integers: Some(integers), ..made })
    }

    fn cast(&self) -> Outcome<Known> {
        let input = self.input(0)?;
        let to = self.integer("to").and_then(|to| i32::try_from(to).ok()).map(DataType);
        let keeps = matches!(to, Some(DataType::INT32 | DataType::INT64));
        let integers = input.integers.clone().filter(|_| keeps);
        Ok(Known { dims: input.dims.clone(), integers })
    }

    fn constant(&self) -> Outcome<Known> {
        let [attribute] = self.node.attribute.as_slice() else {
            return Err("a constant has one value".to_owned());
        };
        let list = |count: usize, integers| Known { dims: vec![count as u64], integers };
        let clamp = |it: &i64| (*it).clamp(i32::MIN.into(), i32::MAX.into());
        match attribute.name.as_deref().unwrap_or_default() {
            "value" => super::constant(attribute.t.as_ref().ok_or("the constant is empty")?),
            "value_int" => Ok(Known {
                dims: Vec::new(),
                integers: Some(vec![clamp(&attribute.i.unwrap_or_default())]),
            }),
            "value_ints" => {
                let integers = attribute.ints.iter().map(clamp).collect();
                Ok(list(attribute.ints.len(), Some(integers)))
            }
            "value_float" => Ok(Known::of(Vec::new())),
            "value_floats" => Ok(list(attribute.floats.len(), None)),
            name => Err(format!("constants of the kind `{name}` are not supported")),
        }
    }

    fn constant_of_shape(&self) -> Outcome<Known> {
        let made = Known::of(self.sizes(0)?);
        let value = match self.attribute("value") {
            Some(it) => super::constant(it.t.as_ref().ok_or("the value is empty")?)?.integers,
            None => None,
        };
        let integers = match value.as_deref() {
            Some([value]) if made.elements() <= INTEGERS_MAX => {
                Some(std::iter::repeat_n(*value, made.elements() as usize).collect())
            }
            _ => None,
        };
        Ok(Known { integers, ..made })
    }

    fn range(&self) -> Outcome<Known> {
        let ends = (self.integers(0)?, self.integers(1)?, self.integers(2)?);
        let (&[from], &[to], &[step]) = ends else {
            return Err("a range goes from one number to another".to_owned());
        };
        if step < 1 {
            return Err("a range that goes downwards is not supported".to_owned());
        }
        let count = u64::try_from((to - from + step - 1) / step).unwrap_or(0);
        let numbers = || (0..count as i64).map(|at| from + at * step).collect();
        Ok(Known { dims: vec![count], integers: (count <= INTEGERS_MAX).then(numbers) })
    }

    fn shape(&self) -> Outcome<Known> {
        let dims = &self.input(0)?.dims;
        let end_of = |name: &str, otherwise: usize| match self.integer(name) {
            Some(at) if at < 0 => at.saturating_add(dims.len() as i64).max(0) as usize,
            Some(at) => (at as usize).min(dims.len()),
            None => otherwise,
        };
        let (start, end) = (end_of("start", 0), end_of("end", dims.len()));
        let part = dims.get(start..end.max(start)).ok_or("it has no such dimensions")?;
        let integers = part.iter().map(|dim| in_range(i64::try_from(*dim).ok()));
        Ok(Known {
            dims: vec![part.len() as u64],
            integers: Some(integers.collect::<Outcome<_>>()?),
        })
    }

    fn gather(&self) -> Outcome<Known> {
        let (data, places) = (self.input(0)?, self.input(1)?);
        let axis = axis(self.integer("axis").unwrap_or(0), data.dims.len())?;
        let mut dims = data.dims[..axis].to_vec();
        dims.extend_from_slice(&places.dims);
        dims.extend_from_slice(&data.dims[axis + 1..]);
        let integers = match (&data.integers, &places.integers) {
            (Some(values), Some(places)) if data.dims.len() == 1 => {
                let pick = |at: &i64| values.get(place(*at, values.len())?).copied();
                let picked = places.iter().map(pick).collect::<Option<Vec<_>>>();
                Some(picked.ok_or("it gathers from where nothing is")?)
            }
            _ => None,
        };
        Ok(Known { dims, integers })
    }

    fn gather_nd(&self) -> Outcome<Known> {
        let (data, places) = (&self.input(0)?.dims, &self.input(1)?.dims);
        let batch = usize::try_from(self.integer("batch_dims").unwrap_or(0)).unwrap_or(usize::MAX);
        let (last, front) = places.split_last().ok_or("it has no places")?;
        let taken = usize::try_from(*last).ok().and_then(|last| last.checked_add(batch));
        let rest = taken.and_then(|taken| data.get(taken..)).ok_or("it gathers too deep")?;
        Ok(Known::of(front.iter().chain(rest).copied().collect()))
    }

    fn concat(&self) -> Outcome<Known> {
        let first = self.input(0)?;
        let axis = axis(self.integer("axis").unwrap_or(0), first.dims.len())?;
        let mut dims = first.dims.clone();
        dims[axis] = 0;
        let mut integers = (dims.len() == 1).then(Vec::new);
        for input in self.inputs.iter().copied().flatten() {
            let fits = input.dims.len() == dims.len()
                && (0..dims.len()).all(|at| at == axis || input.dims[at] == dims[at]);
            if !fits {
                return Err("the parts do not fit together".to_owned());
            }
            dims[axis] = dims[axis].saturating_add(input.dims[axis]);
            match (&mut integers, &input.integers) {
                (Some(all), Some(more)) if dims[axis] <= INTEGERS_MAX => all.extend(more),
                _ => integers = None,
            }
        }
        Ok(Known { dims, integers })
    }

    fn slice(&self) -> Outcome<Known> {
        let data = self.input(0)?;
        let missing = "a slice has a start and an end";
        let starts = self.listed(1, "starts")?.ok_or(missing)?;
        let ends = self.listed(2, "ends")?.ok_or(missing)?;
        let axes = self.listed(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = self.listed(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
            return Err("a slice has as many starts as ends".to_owned());
        }
        let mut dims = data.dims.clone();
        let mut integers = data.integers.clone().filter(|_| dims.len() == 1);
        for at in 0..starts.len() {
            let axis = axis(axes[at], dims.len())?;
            let size = i64::try_from(dims[axis]).unwrap_or(i64::MAX);
            let from_end = |it: i64| if it < 0 { it.saturating_add(size) } else { it };
            let step = steps[at];
            if step < 1 {
                return Err("a slice that goes backwards is not supported".to_owned());
            }
            let (start, end) = (from_end(starts[at]).clamp(0, size), from_end(ends[at]));
            let end = end.clamp(start, size);
            dims[axis] = ((end - start) as u64).div_ceil(step as u64);
            integers = integers.and_then(|list| {
                let part = list.get(start as usize..end as usize)?;
                Some(part.iter().step_by(step as usize).copied().collect())
            });
        }
        Ok(Known { dims, integers })
    }

    fn split(&self) -> Refusal {
        let data = self.input(0)?;
        let axis = axis(self.integer("axis").unwrap_or(0), data.dims.len())?;
        let whole = data.dims[axis];
        let sizes: Vec<u64> = match self.listed(1, "split")? {
            Some(sizes) => sizes.iter().map(|size| positive(*size)).collect::<Outcome<_>>()?,
            None => {
                let count = self.node.output.len().max(1) as u64;
                let each = whole.div_ceil(count);
                (0..count).map(|at| each.min(whole.saturating_sub(at * each))).collect()
            }
        };
        if sizes.iter().fold(0_u64, |sum, size| sum.saturating_add(*size)) != whole {
            return Err("the parts are not the whole".to_owned());
        }
        let part = |size: u64| {
            let mut dims = data.dims.clone();
            dims[axis] = size;
            Known::of(dims)
        };
        Ok(sizes.into_iter().map(part).collect())
    }

    fn squeeze(&self) -> Outcome<Known> {
        let data = self.input(0)?;
        let axes = match self.listed(1, "axes")? {
            Some(axes) => {
                axes.iter().map(|it| axis(*it, data.dims.len())).collect::<Outcome<_>>()?
            }
            None => (0..data.dims.len()).filter(|at| data.dims[*at] == 1).collect::<Vec<_>>(),
        };
        if axes.iter().any(|at| data.dims[*at] != 1) {
            return Err("only dimensions of one can go".to_owned());
        }
        let kept = data.dims.iter().enumerate().filter(|(at, _)| !axes.contains(at));
        Ok(Known { dims: kept.map(|(_, dim)| *dim).collect(), integers: data.integers.clone() })
    }

    fn unsqueeze(&self) -> Outcome<Known> {
        let data = self.input(0)?;
        let axes = self.listed(1, "axes")?.ok_or("it does not say where")?;
        let count = data.dims.len() + axes.len();
        let mut places: Vec<usize> =
            axes.iter().map(|it| axis(*it, count)).collect::<Outcome<_>>()?;
        places.sort_unstable();
        let mut dims = data.dims.clone();
        for at in places {
            if at > dims.len() {
                return Err("it names a dimension twice".to_owned());
            }
            dims.insert(at, 1);
        }
        Ok(Known { dims, integers: data.integers.clone() })
    }

    fn reshape(&self) -> Outcome<Known> {
        let data = self.input(0)?;
        let keeps_zero = self.integer("allowzero") != Some(1);
        let mut dims = Vec::new();
        let mut open = None;
        for (at, size) in self.integers(1)?.iter().enumerate() {
            dims.push(match *size {
                0 if keeps_zero => *data.dims.get(at).ok_or("it copies a missing dimension")?,
                -1 if open.is_none() => {
                    open = Some(at);
                    1
                }
                size => positive(size)?,
            });
        }
        let made = Known::of(dims);
        let mut dims = made.dims.clone();
        if let Some(at) = open {
            dims[at] = data.elements().checked_div(made.elements()).ok_or("a size is zero")?;
        }
        let made = Known { dims, integers: data.integers.clone() };
        if made.elements() != data.elements() {
            return Err("the new sizes do not hold what there is".to_owned());
        }
        Ok(made)
    }

    fn flatten(&self) -> Outcome<Known> {
        let data = self.input(0)?;
        let at = match self.integer("axis").unwrap_or(1) {
            at if at == data.dims.len() as i64 => data.dims.len(),
            at => axis(at, data.dims.len())?,
        };
        let (front, back) = data.dims.split_at(at);
        let product = |dims: &[u64]| Known::of(dims.to_vec()).elements();
        Ok(Known::of(vec![product(front), product(back)]))
    }

    fn transpose(&self) -> Outcome<Known> {
        let data = self.input(0)?;
        let count = data.dims.len();
        let order: Vec<usize> = match self.attribute("perm") {
            Some(it) => it.ints.iter().map(|at| axis(*at, count)).collect::<Outcome<_>>()?,
            None => (0..count).rev().collect(),
        };
        if (0..count).any(|at| !order.contains(&at)) || order.len() != count {
            return Err("it does not name every dimension once".to_owned());
        }
        let integers = data.integers.clone().filter(|_| count < 2);
        Ok(Known { dims: order.iter().map(|at| data.dims[*at]).collect(), integers })
    }

    fn tile(&self) -> Outcome<Known> {
        let (data, times) = (self.input(0)?, self.sizes(1)?);
        if times.len() != data.dims.len() {
            return Err("it does not repeat every dimension".to_owned());
        }
        let dims = data.dims.iter().zip(times).map(|(dim, by)| dim.saturating_mul(by));
        Ok(Known::of(dims.collect()))
    }

    fn mat_mul(&self) -> Outcome<Known> {
        let (a, b) = (&self.input(0)?.dims, &self.input(1)?.dims);
        let ([a_front @ .., rows, inner], [b_front @ .., inner_b, columns]) = (&a[..], &b[..])
        else {
            return Err("a product of vectors is not supported".to_owned());
        };
        if inner != inner_b {
            return Err("the factors do not fit".to_owned());
        }
        let front = [&Known::of(a_front.to_vec()), &Known::of(b_front.to_vec())];
        let mut dims = together(&front)?;
        dims.extend([*rows, *columns]);
        Ok(Known::of(dims))
    }

    fn mat_mul_bits(&self) -> Outcome<Known> {
        let size = |name| positive(self.integer(name).ok_or("it does not tell its sizes")?);
        let (inner, columns) = (size("K")?, size("N")?);
        let mut dims = self.input(0)?.dims.clone();
        // Two weights in a byte: this bounds what is unpacked by the size of the file.
        let held = self.input(1)?.elements().saturating_mul(2);
        match dims.last_mut() {
            Some(last) if *last == inner && inner.saturating_mul(columns) <= held => {
                *last = columns;
                Ok(Known::of(dims))
            }
            _ => Err("the factors do not fit".to_owned()),
        }
    }

    fn gemm(&self) -> Outcome<Known> {
        let (&[a0, a1], &[b0, b1]) = (&self.input(0)?.dims[..], &self.input(1)?.dims[..]) else {
            return Err("the factors are no matrices".to_owned());
        };
        let turned = |name: &str, it: (u64, u64)| {
            if self.integer(name) == Some(1) { (it.1, it.0) } else { it }
        };
        let ((rows, inner), (inner_b, columns)) =
            (turned("transA", (a0, a1)), turned("transB", (b0, b1)));
        if inner != inner_b {
            return Err("the factors do not fit".to_owned());
        }
        Ok(Known::of(vec![rows, columns]))
    }

    fn reduce(&self) -> Outcome<Known> {
        let data = self.input(0)?;
        let count = data.dims.len();
        let keeps = self.integer("keepdims").unwrap_or(1) == 1;
        let axes: Vec<usize> = match self.listed(1, "axes")?.filter(|axes| !axes.is_empty()) {
            Some(axes) => axes.iter().map(|it| axis(*it, count)).collect::<Outcome<_>>()?,
            None if self.integer("noop_with_empty_axes") == Some(1) => Vec::new(),
            None => (0..count).collect(),
        };
        let mut dims = Vec::with_capacity(count);
        for (at, dim) in data.dims.iter().enumerate() {
            match (axes.contains(&at), keeps) {
                (true, true) => dims.push(1),
                (true, false) => {}
                (false, _) => dims.push(*dim),
            }
        }
        Ok(Known::of(dims))
    }
}

/// Sizes of values that are stretched to each other.
fn together(values: &[&Known]) -> Outcome<Vec<u64>> {
    let count = values.iter().map(|it| it.dims.len()).max().ok_or("it has no input")?;
    let mut dims = vec![1; count];
    for value in values {
        let from = count - value.dims.len();
        for (mine, theirs) in dims[from..].iter_mut().zip(&value.dims) {
            match (*mine, *theirs) {
                (mine, theirs) if mine == theirs || theirs == 1 => {}
                (1, theirs) => *mine = theirs,
                _ => return Err("the sizes of its inputs do not fit".to_owned()),
            }
        }
    }
    Ok(dims)
}

/// Integers of two lists of one length, or of a list and a number.
fn pairwise(
    (a, left): (&Known, &[i64]),
    (b, right): (&Known, &[i64]),
    dims: &[u64],
    compute: fn(i64, i64) -> Option<i64>,
) -> Outcome<Option<Vec<i64>>> {
    let made = Known::of(dims.to_vec());
    if !one_row(a, &made) || !one_row(b, &made) {
        return Ok(None);
    }
    let one = |place| in_range(compute(at(left, place), at(right, place)));
    (0..made.elements() as usize).map(one).collect::<Outcome<Vec<_>>>().map(Some)
}

/// Whether `it` is a number or a list, and `made` a list that it stretches to.
fn one_row(it: &Known, made: &Known) -> bool {
    let count = made.elements();
    made.dims.len() < 2
        && count <= INTEGERS_MAX
        && matches!(it.elements(), n if n == 1 || n == count)
}

fn at(list: &[i64], place: usize) -> i64 {
    list[if list.len() == 1 { 0 } else { place }]
}

/// The runtime counts in 32 bits; what does not fit there would wrap.
fn in_range(value: Option<i64>) -> Outcome<i64> {
    let fits = value.filter(|it| i32::try_from(*it).is_ok());
    fits.ok_or_else(|| "a number does not fit into 32 bits".to_owned())
}

fn positive(size: i64) -> Outcome<u64> {
    u64::try_from(size).map_err(|_| "a size is negative".to_owned())
}

fn axis(axis: i64, count: usize) -> Outcome<usize> {
    place(axis, count).ok_or_else(|| format!("it has no dimension {axis}"))
}

/// A place that may count from the end.
fn place(at: i64, count: usize) -> Option<usize> {
    let at = if at < 0 { at.checked_add(i64::try_from(count).ok()?)? } else { at };
    usize::try_from(at).ok().filter(|at| *at < count)
}
