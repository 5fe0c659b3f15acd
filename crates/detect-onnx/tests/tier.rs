//! The whole way, with a real network of twenty kilobytes: `tests/model/make.py` made its files
//! (and makes the same bytes again). It knows a dozen words, so every expectation can be read
//! off its vocabulary.
#![allow(clippy::unwrap_used)]

use portreeve_detect::{Categories, Category, Detector, Evidence, Finding};
use portreeve_detect_onnx::{Error, Files, Options, Tier};
use rten_onnx::onnx::{DataType, ModelProto, TensorProto, ValueInfoProto};

const MODEL: &[u8] = include_bytes!("model/model.onnx");
const TOKENIZER: &str = include_str!("model/tokenizer.json");
const CONFIG: &str = include_str!("model/config.json");

fn load(model: &[u8], tokenizer: &str, config: &str) -> Result<Tier, Error> {
    Tier::load(Files { model: model.to_vec(), tokenizer, config }, &Options::default())
}

fn tier() -> Tier {
    load(MODEL, TOKENIZER, CONFIG).unwrap()
}

fn find(tier: &Tier, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    tier.detect(text, &mut found, |_| {}).unwrap();
    found
}

fn shown(text: &str, found: &[Finding]) -> Vec<String> {
    found.iter().map(|it| format!("{}:{}", it.category.name(), &text[it.range()])).collect()
}

#[track_caller]
fn check(text: &str, expect: &[&str]) {
    assert_eq!(shown(text, &find(&tier(), text)), expect, "in {text:?}");
}

#[test]
fn words_of_the_model_are_found_with_their_bytes() {
    check("Anna Müller lives in Den Haag.", &["person-name:Anna Müller", "location:Den Haag"]);
    check("Zoë und Anna", &["person-name:Zoë", "person-name:Anna"]);
    check("— Łódź — 李明 — Berlin!", &["location:Łódź", "person-name:李明", "location:Berlin"]);
    check("Mu\u{308}ller Ann\u{200b}a", &["person-name:Ann\u{200b}a"]);
    check("Maria, Mariax", &["person-name:Maria"]);
    check("", &[]);
    check(" \n\u{feff}\t", &[]);
    check("[SEP] Anna [CLS] [PAD]", &["person-name:Anna"]);
    let found = find(&tier(), "Anna");
    assert_eq!((found[0].evidence, found[0].rule), (Evidence::Model, "onnx"));
    assert!(found[0].score > 90, "{found:?}");
}

#[test]
fn a_long_text_is_the_sum_of_its_windows() {
    let tier = tier();
    // Names at every distance from an edge; fillers of one, two and no known pieces.
    let mut text = String::new();
    let mut expect = Vec::new();
    for at in 0..3_000_usize {
        match at % 7 {
            0 if at % 2 == 0 => {
                text.push_str("Anna Müller ");
                expect.push("person-name:Anna Müller".to_owned());
            }
            3 => {
                text.push_str("Łódź und ");
                expect.push("location:Łódź".to_owned());
            }
            5 => text.push_str("lives lives, ©"),
            _ => text.push_str("met "),
        }
    }
    let mut told = Vec::new();
    let mut found = Vec::new();
    tier.detect(&text, &mut found, |bytes| told.push(bytes)).unwrap();
    assert_eq!(shown(&text, &found), expect);
    assert!(told.is_sorted() && *told.last().unwrap() <= text.len());
    let mut again = Vec::new();
    tier.detect(&text, &mut again, |_| {}).unwrap();
    assert_eq!(found, again, "the same text, the same findings");
}

#[test]
fn what_the_detector_proved_stays() {
    let text = "Anna Müller, anna@example.org, Berlin";
    let mut found = Vec::new();
    Detector::default().detect(text, &mut found);
    let email = *found.iter().find(|it| it.category == Category::Email).unwrap();
    tier().detect(text, &mut found, |_| {}).unwrap();
    assert!(found.contains(&email), "{found:?}");
    assert!(found.windows(2).all(|pair| pair[0].end <= pair[1].start), "{found:?}");
    assert_eq!(
        shown(text, &found),
        ["person-name:Anna Müller", "email:anna@example.org", "location:Berlin"]
    );
    // Alone, the model sees the address as its own kind.
    check("anna@example.org", &["email:anna", "email:example", "email:org"]);
}

#[test]
fn options_choose_what_is_reported() {
    let files = || Files { model: MODEL.to_vec(), tokenizer: TOKENIZER, config: CONFIG };
    let places =
        Options { categories: Categories::NONE.with(Category::Location), ..Options::default() };
    let text = "Anna in Berlin";
    let tier = Tier::load(files(), &places).unwrap();
    assert_eq!(shown(text, &find(&tier, text)), ["location:Berlin"]);
    let mapped = Options {
        labels: vec![("PER".into(), None), ("LOC".into(), Some(Category::Address))],
        ..Options::default()
    };
    let tier = Tier::load(files(), &mapped).unwrap();
    assert_eq!(shown(text, &find(&tier, text)), ["address:Berlin"]);
    let strict = Options { score_min: 100, ..Options::default() };
    assert_eq!(find(&Tier::load(files(), &strict).unwrap(), text), []);
}

#[test]
fn unknown_labels_are_named() {
    let config = CONFIG.replace("-LOC", "-MISC");
    let error = load(MODEL, TOKENIZER, &config).err().unwrap();
    assert_eq!(error, Error::Labels(vec!["MISC".to_owned()]));
    assert!(error.to_string().contains("--onnx-label MISC=none"), "{error}");
}

#[track_caller]
fn refused(model: &[u8], tokenizer: &str, config: &str, why: &str) {
    let error = load(model, tokenizer, config).err().expect("refused").to_string();
    assert!(error.contains(why), "{error}");
}

#[test]
fn broken_files_are_refused() {
    for part in [0, 1, 7, MODEL.len() / 2, MODEL.len() - 1] {
        refused(&MODEL[..part], TOKENIZER, CONFIG, "the model is refused");
    }
    refused(b"%PDF-1.7", TOKENIZER, CONFIG, "no ONNX file");
    refused(MODEL, "", CONFIG, "the tokenizer is refused");
    refused(MODEL, TOKENIZER, "{}", "the model's configuration is refused");
    let less = CONFIG.replace("\"5\": \"B-EMAIL\",", "").replace("\"6\"", "\"5\"");
    refused(MODEL, TOKENIZER, &less, "[1, 16, 6] is wanted");
    let few = CONFIG.replace("256", "8");
    refused(MODEL, TOKENIZER, &few, "takes no text of 16 tokens");
}

/// Whatever a byte turns into: an error or findings, never a crash.
#[test]
fn damaged_models_do_no_harm() {
    let mut state = 88172645463325252_u64;
    let mut random = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % limit as u64) as usize
    };
    let mut ran = 0;
    for _ in 0..400 {
        let mut model = MODEL.to_vec();
        for _ in 0..=random(3) {
            let at = random(model.len());
            model[at] = random(256) as u8;
        }
        if let Ok(tier) = load(&model, TOKENIZER, CONFIG) {
            ran += usize::from(tier.detect("Anna in Berlin", &mut Vec::new(), |_| {}).is_ok());
        }
    }
    assert!(ran > 0, "most damage is to weights");
}

/// The network with something done to it.
fn changed(change: impl FnOnce(&mut ModelProto)) -> Vec<u8> {
    let mut model = ModelProto::parse_buf(MODEL).unwrap();
    change(&mut model);
    model.write_buf().unwrap()
}

#[test]
fn hostile_models_are_refused() {
    // A mask stretched to a million times a million.
    let stretched = changed(|model| {
        let graph = model.graph.as_mut().unwrap();
        let at = graph.node.iter().position(|it| it.op_type.as_deref() == Some("Softmax"));
        let node = &mut graph.node[at.unwrap()];
        node.op_type = Some("Tile".into());
        node.attribute.clear();
        node.input.push("huge".into());
        graph.initializer.push(TensorProto {
            name: Some("huge".into()),
            dims: vec![4],
            data_type: Some(DataType::INT64),
            int64_data: vec![1, 1, 1 << 20, 1 << 20],
            ..TensorProto::default()
        });
    });
    refused(&stretched, TOKENIZER, CONFIG, "one window makes more than 512 million numbers");

    let asks = changed(|model| {
        model.graph.as_mut().unwrap().input[2].name = Some("secrets".into());
    });
    refused(&asks, TOKENIZER, CONFIG, "it wants `secrets`");

    let unknown = changed(|model| {
        model.graph.as_mut().unwrap().node[0].op_type = Some("NonZero".into());
    });
    refused(&unknown, TOKENIZER, CONFIG, "the operator `NonZero` is not supported");

    let hollow = changed(|model| {
        model.graph.as_mut().unwrap().initializer[0].dims = vec![1 << 31, 1 << 31];
    });
    refused(&hollow, TOKENIZER, CONFIG, "larger than its data");

    let many = changed(|model| {
        let shape = |it: &mut ValueInfoProto| {
            let tensor = it.r#type.as_mut().unwrap().tensor_type.as_mut().unwrap();
            tensor.shape.as_mut().unwrap().dim[1].dim_value = Some(1 << 40);
        };
        model.graph.as_mut().unwrap().input.iter_mut().for_each(shape);
    });
    refused(&many, TOKENIZER, CONFIG, "takes no text of 16 tokens");
}

/// What the file says about sizes is worked out, not believed.
#[test]
fn claims_about_sizes_change_nothing() {
    let liar = changed(|model| {
        let graph = model.graph.as_mut().unwrap();
        let claim = graph.input[0].clone();
        for node in &graph.node {
            let mut claim = ValueInfoProto { name: Some(node.output[0].clone()), ..claim.clone() };
            let shape = claim.r#type.as_mut().unwrap().tensor_type.as_mut().unwrap();
            for dim in &mut shape.shape.as_mut().unwrap().dim {
                dim.dim_value = Some(1 << 30);
            }
            graph.value_info.push(claim);
        }
    });
    let text = "Anna Müller in Den Haag";
    let liar = load(&liar, TOKENIZER, CONFIG).unwrap();
    assert_eq!(find(&liar, text), find(&tier(), text));
}

/// The longest chain that is allowed does not exhaust a small stack.
#[test]
fn long_chains_fit_the_stack() {
    let long = changed(|model| {
        let graph = model.graph.as_mut().unwrap();
        let last = graph.node.last_mut().unwrap();
        let mut link = last.clone();
        last.output[0] = "link_0".into();
        link.op_type = Some("Neg".into());
        for at in 0..3_800 {
            let mut link = link.clone();
            link.input = vec![format!("link_{at}")];
            let name = if at == 3_799 { "logits".into() } else { format!("link_{}", at + 1) };
            link.name = Some(name.clone());
            link.output = vec![name];
            graph.node.push(link);
        }
    });
    let text = "Anna in Den Haag";
    let work = move || find(&load(&long, TOKENIZER, CONFIG).unwrap(), text);
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap();
    assert_eq!(thread.join().unwrap(), find(&tier(), text));
}

/// Weights that are not numbers say so, and what was found before stays.
#[test]
fn outputs_that_are_no_numbers_are_an_error() {
    let broken = changed(|model| {
        let weights = &mut model.graph.as_mut().unwrap().initializer[0];
        let raw = weights.raw_data.as_ref().unwrap();
        raw.borrow_mut().chunks_exact_mut(4).for_each(|it| {
            it.copy_from_slice(&f32::NAN.to_le_bytes());
        });
    });
    let tier = load(&broken, TOKENIZER, CONFIG).unwrap();
    let mut found = Vec::new();
    Detector::default().detect("a@b.org", &mut found);
    let before = found.clone();
    let error = tier.detect("Anna", &mut found, |_| {}).unwrap_err();
    assert!(matches!(error, Error::Run(_)), "{error}");
    assert_eq!(found, before);
}
