//! Networks that ask for too much, written down node by node.

use super::*;
use rten_onnx::onnx::AttributeProto;
use rten_tensor::{AsView, Layout};

fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: Some(op.to_owned()),
        input: inputs.iter().map(|it| (*it).to_owned()).collect(),
        output: vec![output.to_owned()],
        ..NodeProto::default()
    }
}

fn with(mut node: NodeProto, name: &str, value: i64) -> NodeProto {
    node.attribute.push(AttributeProto {
        name: Some(name.to_owned()),
        i: Some(value),
        ..AttributeProto::default()
    });
    node
}

fn integers(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: vec![values.len() as i64],
        data_type: Some(DataType::INT64),
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

fn graph(initializer: Vec<TensorProto>, node: Vec<NodeProto>) -> GraphProto {
    GraphProto { initializer, node, ..GraphProto::default() }
}

/// Checks the size of `out`, or the words of the refusal, for `ids` of one row of 16.
#[track_caller]
fn check(graph: &GraphProto, expect: std::result::Result<&[u64], &str>) {
    let made = infer(graph, &[("ids", vec![1, 16])]);
    match (made, expect) {
        (Ok(made), Ok(dims)) => assert_eq!(made.dims("out"), Some(dims)),
        (Err(error), Err(why)) => {
            assert!(error.to_string().contains(why), "{error}");
        }
        (Ok(_), Err(why)) => panic!("not refused: {why}"),
        (Err(error), Ok(_)) => panic!("{error}"),
    }
}

#[test]
fn a_value_of_any_size_is_refused_before_it_is_made() {
    let huge = graph(
        vec![integers("size", &[1 << 20, 1 << 20])],
        vec![node("ConstantOfShape", &["size"], "out")],
    );
    check(&huge, Err("at `out`: up to here, one window makes more than 512 million"));
    let overflow = graph(
        vec![integers("size", &[1 << 31; 7])],
        vec![node("ConstantOfShape", &["size"], "out")],
    );
    check(&overflow, Err("more than 512 million"));
    let expanded = graph(
        vec![integers("size", &[1 << 30, 16])],
        vec![node("Expand", &["ids", "size"], "out")],
    );
    check(&expanded, Err("more than 512 million"));
    let tiled = graph(
        vec![integers("times", &[1 << 15, 1 << 15])],
        vec![node("Tile", &["ids", "times"], "out")],
    );
    check(&tiled, Err("more than 512 million"));
    let counted = graph(
        vec![integers("from", &[0]), integers("to", &[1 << 30]), integers("by", &[1])],
        vec![node("Range", &["from", "to", "by"], "out")],
    );
    check(&counted, Err("more than 512 million"));
}

#[test]
fn many_small_steps_add_up() {
    let names: Vec<String> = (0..=40).map(|at| format!("v{at}")).collect();
    let doubled = (0..40).map(|at| {
        let from = if at == 0 { "ids" } else { &names[at] };
        with(node("Concat", &[from, from], &names[at + 1]), "axis", 1)
    });
    check(&graph(vec![], doubled.collect()), Err("more than 512 million"));

    let long = |count: usize| {
        let name = |at: usize| if at == count { "out".to_owned() } else { format!("v{at}") };
        let first = [node("Neg", &["ids"], &name(1))];
        let rest = (1..count).map(|at| node("Neg", &[&name(at)], &name(at + 1)));
        graph(vec![], first.into_iter().chain(rest).collect())
    };
    check(&long(4_000), Ok(&[1, 16]));
    check(&long(4_001), Err("more than 4000 nodes stand one behind the other"));
    check(&long(20_001), Err("more than 20000 nodes"));

    // Every value is small, and the products take for ever.
    let mut nodes = vec![node("ConstantOfShape", &["size"], "v0")];
    nodes.extend((0..40).map(|at| node("MatMul", &[&names[at], &names[at]], &names[at + 1])));
    let slow = graph(vec![integers("size", &[3000, 3000])], nodes);
    check(&slow, Err("more than 274 billion steps"));
}

#[test]
fn shapes_that_exporters_write_are_worked_out() {
    // `x.expand(batch, length, -1)` of PyTorch.
    let nodes = vec![
        node("Shape", &["ids"], "shape"),
        with(node("Gather", &["shape", "one"], "length"), "axis", 0),
        with(node("Concat", &["one", "length", "minus"], "wanted"), "axis", 0),
        node("Shape", &["wanted"], "rank"),
        node("ConstantOfShape", &["rank"], "zeros"),
        node("Add", &["zeros", "one"], "ones"),
        node("Mul", &["ones", "minus"], "minuses"),
        node("Equal", &["wanted", "minuses"], "is_open"),
        node("Where", &["is_open", "ones", "wanted"], "target"),
        node("Unsqueeze", &["ids", "two"], "column"),
        node("Expand", &["column", "target"], "out"),
    ];
    let mut zero = integers("zero", &[0]);
    zero.name = None;
    let mut graph =
        graph(vec![integers("one", &[1]), integers("minus", &[-1]), integers("two", &[2])], nodes);
    graph.node[4].attribute.push(AttributeProto {
        name: Some("value".to_owned()),
        t: Some(zero),
        ..AttributeProto::default()
    });
    check(&graph, Ok(&[1, 16, 1]));
}

#[test]
fn sizes_follow_the_standard() {
    #[track_caller]
    fn one(node: NodeProto, initializer: Vec<TensorProto>, dims: &[u64]) {
        check(&graph(initializer, vec![node]), Ok(dims));
    }
    let list = |values: &[i64]| vec![integers("list", values)];
    one(node("Reshape", &["ids", "list"], "out"), list(&[0, 2, -1]), &[1, 2, 8]);
    one(node("Squeeze", &["ids", "list"], "out"), list(&[0]), &[16]);
    one(node("Unsqueeze", &["ids", "list"], "out"), list(&[0, -1]), &[1, 1, 16, 1]);
    one(node("Transpose", &["ids"], "out"), vec![], &[16, 1]);
    one(with(node("Flatten", &["ids"], "out"), "axis", 0), vec![], &[1, 16]);
    one(with(node("ReduceSum", &["ids", "list"], "out"), "keepdims", 0), list(&[1]), &[1]);
    let slice = vec![integers("start", &[-4]), integers("end", &[99]), integers("axis", &[1])];
    one(node("Slice", &["ids", "start", "end", "axis"], "out"), slice, &[1, 4]);
    one(with(node("Gather", &["ids", "list"], "out"), "axis", 1), list(&[3, 3, 3]), &[1, 3]);
}

#[test]
fn what_cannot_be_worked_out_is_refused() {
    let list = |values: &[i64]| vec![integers("list", values)];
    check(
        &graph(vec![], vec![node("ConstantOfShape", &["ids"], "out")]),
        Err("its sizes depend on the text"),
    );
    check(
        &graph(vec![], vec![node("NonZero", &["ids"], "out")]),
        Err("`NonZero` is not supported"),
    );
    check(&graph(vec![], vec![node("Loop", &["ids"], "out")]), Err("`Loop` is not supported"));
    check(&graph(vec![], vec![node("Neg", &["later"], "out")]), Err("used before it is made"));
    check(&graph(vec![], vec![node("Neg", &["ids"], "ids")]), Err("two values have this name"));
    check(&graph(vec![], vec![node("Neg", &[], "out")]), Err("its input 1 is missing"));
    check(
        &graph(list(&[3, 5]), vec![node("Reshape", &["ids", "list"], "out")]),
        Err("do not hold what there is"),
    );
    check(
        &graph(list(&[i64::MAX]), vec![node("Add", &["list", "list"], "out")]),
        Err("does not fit into 32 bits"),
    );
    let mut foreign = node("Attention", &["ids"], "out");
    foreign.domain = Some("com.example".to_owned());
    check(&graph(vec![], vec![foreign]), Err("`com.example.Attention` is not supported"));
    // It says that its weights are larger than they are.
    let mut packed = with(node("MatMulNBits", &["ids", "list"], "out"), "N", 1 << 20);
    packed.domain = Some("com.microsoft".to_owned());
    let packed = with(packed, "K", 16);
    check(&graph(list(&[0; 8]), vec![packed]), Err("the factors do not fit"));
    let mut two = node("Neg", &["ids"], "out");
    two.output.push("second".to_owned());
    check(&graph(vec![], vec![two]), Err("its output 2 is not known"));
    let mut hollow = integers("list", &[]);
    hollow.dims = vec![1 << 40];
    check(&graph(vec![hollow], vec![]), Err("larger than its data"));
}

#[test]
fn a_name_from_the_file_cannot_play_with_a_terminal() {
    let mut loud = node("\u{1b}[2JLoop", &[], "out");
    loud.name = Some("\u{1b}[2J".to_owned());
    let error = infer(&graph(vec![], vec![loud]), &[]).err().unwrap().to_string();
    assert!(!error.contains('\u{1b}'), "{error:?}");
}

/// The runtime is asked for every value between, and each has the size that was worked out.
#[test]
fn the_runtime_makes_what_was_worked_out() {
    let bytes = include_bytes!("../../tests/model/model.onnx");
    let graph = rten_onnx::onnx::ModelProto::parse_buf(bytes).unwrap().graph.unwrap();
    let names = ["input_ids", "attention_mask", "token_type_ids"];
    let made = infer(&graph, &names.map(|name| (name, vec![1, 32]))).unwrap();
    let mut options = rten::ModelOptions::with_all_ops();
    options.enable_optimization(false);
    let model = options.load(bytes.to_vec()).unwrap();
    let row = rten_tensor::NdTensor::from_data([1, 32], vec![1_i32; 32]);
    let inputs = names.map(|name| (model.find_node(name).unwrap(), (&row).into()));
    let between: Vec<&str> = graph.node.iter().map(|it| it.output[0].as_str()).collect();
    let outputs: Vec<_> = between.iter().map(|it| model.find_node(it).unwrap()).collect();
    let values = model.run(inputs.to_vec(), &outputs, None).unwrap();
    assert!(between.len() > 100, "{}", between.len());
    for (name, value) in between.iter().zip(&values) {
        let dims: Vec<u64> = value.shape().iter().map(|dim| *dim as u64).collect();
        assert_eq!(made.dims(name), Some(dims.as_slice()), "{name}");
        let integers = made.values.get(name).unwrap().known.integers.as_ref();
        if let (Some(expect), rten::Value::Int32Tensor(held)) = (integers, value) {
            let held: Vec<i64> = held.iter().map(|it| i64::from(*it)).collect();
            assert_eq!(expect, &held, "{name}");
        }
    }
}
