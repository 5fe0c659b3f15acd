"""Makes the network of the tests: model.onnx, tokenizer.json and config.json in this folder.

    pip install onnx==1.23.2 numpy && python make.py

It is a BERT in shape (embeddings, one layer of two heads with a mask, layer norms, GELU), built
of the operators that exporters write, and nothing is trained: every word of the vocabulary that
means something has its label's direction as embedding, and the layer adds a little noise of a
fixed generator. So the same words get the same labels wherever they stand.
"""

import json
import math
import pathlib
import random
import struct

import onnx
from onnx import TensorProto, helper

FOLDER = pathlib.Path(__file__).parent
LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-EMAIL", "I-EMAIL"]
# Pieces by the label that they get; pieces behind `##` are never a word's first, so never asked.
WORDS = {
    "O": ["in", "und", "met", "lives", ".", ",", "@", "-", "!", "##e", "##s"],
    "B-PER": ["Anna", "Zoë", "M", "李"],
    "I-PER": ["Müller", "Ede", "明"],
    "B-LOC": ["Berlin", "Łódź", "Den"],
    "I-LOC": ["Haag"],
    "B-EMAIL": ["anna"],
    "I-EMAIL": ["example", "org"],
}
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WIDTH, HEADS, INNER, POSITIONS = 8, 2, 16, 256
DICE = random.Random(20261122)


def main():
    pieces = [("O", piece) for piece in SPECIAL]
    pieces += [(label, word) for label, words in WORDS.items() for word in words]
    pieces += [("O", "##aria")]
    vocabulary = {piece: number for number, (_, piece) in enumerate(pieces)}
    assert len(vocabulary) == len(pieces)
    embedding = []
    for label, _ in pieces:
        row = [0.0] * WIDTH
        row[LABELS.index(label)] = 1.0
        embedding.append(row)
    write("tokenizer.json", tokenizer(vocabulary))
    write(
        "config.json",
        {
            "model_type": "bert",
            "id2label": {str(number): label for number, label in enumerate(LABELS)},
            "max_position_embeddings": POSITIONS,
        },
    )
    model = network(embedding)
    onnx.checker.check_model(model)
    (FOLDER / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))


def write(name, value):
    text = json.dumps(value, ensure_ascii=False, indent=1)
    (FOLDER / name).write_text(text + "\n", encoding="utf-8")


def tokenizer(vocabulary):
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": vocabulary[piece], "content": piece, "special": True} for piece in SPECIAL
        ],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": False,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocabulary,
        },
    }


class Graph:
    """Nodes and weights as they come."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def run(self, operator, *inputs, **attributes):
        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(operator, list(inputs), [output], output, **attributes)
        )
        return output

    def floats(self, dims, values):
        values = struct.pack(f"<{len(values)}f", *values)
        return self.weight(TensorProto.FLOAT, dims, values)

    def integers(self, *values, dims=None):
        dims = [len(values)] if dims is None else dims
        return self.weight(TensorProto.INT64, dims, struct.pack(f"<{len(values)}q", *values))

    def weight(self, kind, dims, values):
        name = f"w_{len(self.weights)}"
        self.weights.append(helper.make_tensor(name, kind, dims, values, raw=True))
        return name

    def number(self, value):
        return self.floats([], [value])

    def noise(self, *dims):
        return self.floats(dims, [DICE.uniform(-0.02, 0.02) for _ in range(math.prod(dims))])

    def linear(self, x, inner, outer):
        product = self.run("MatMul", x, self.noise(inner, outer))
        return self.run("Add", self.noise(outer), product)

    def norm(self, x):
        """A layer norm as exporters before opset 17 write it."""
        centred = self.run("Sub", x, self.run("ReduceMean", x, axes=[-1], keepdims=1))
        squares = self.run("Pow", centred, self.number(2.0))
        spread = self.run("ReduceMean", squares, axes=[-1], keepdims=1)
        spread = self.run("Sqrt", self.run("Add", spread, self.number(1e-12)))
        scaled = self.run("Mul", self.run("Div", centred, spread), self.floats([WIDTH], [1.0] * WIDTH))
        return self.run("Add", scaled, self.floats([WIDTH], [0.0] * WIDTH))

    def length(self, x, axis):
        size = self.run("Gather", self.run("Shape", x), self.integers(axis, dims=[]), axis=0)
        return self.run("Unsqueeze", size, self.integers(0))

    def heads(self, x):
        minus = [self.length(x, 0), self.length(x, 1)]
        parts = minus + [self.integers(HEADS), self.integers(WIDTH // HEADS)]
        shape = self.run("Concat", *parts, axis=0)
        return self.run("Transpose", self.run("Reshape", x, shape), perm=[0, 2, 1, 3])


def network(embedding):
    g = Graph()
    rows = [value for row in embedding for value in row]
    x = g.run("Gather", g.floats([len(embedding), WIDTH], rows), "input_ids", axis=0)
    kinds = g.run("Gather", g.noise(2, WIDTH), "token_type_ids", axis=0)
    places = g.integers(*range(POSITIONS), dims=[1, POSITIONS])
    places = g.run("Slice", places, g.integers(0), g.length("input_ids", 1), g.integers(1))
    places = g.run("Gather", g.noise(POSITIONS, WIDTH), places, axis=0)
    x = g.norm(g.run("Add", g.run("Add", x, kinds), places))

    mask = g.run("Unsqueeze", "attention_mask", g.integers(1, 2))
    mask = g.run("Cast", mask, to=TensorProto.FLOAT)
    mask = g.run("Mul", g.run("Sub", g.number(1.0), mask), g.number(-10000.0))

    query, key, value = (g.heads(g.linear(x, WIDTH, WIDTH)) for _ in range(3))
    key = g.run("Transpose", key, perm=[0, 1, 3, 2])
    scores = g.run("Div", g.run("MatMul", query, key), g.number(math.sqrt(WIDTH // HEADS)))
    scores = g.run("Softmax", g.run("Add", scores, mask), axis=-1)
    mixed = g.run("Transpose", g.run("MatMul", scores, value), perm=[0, 2, 1, 3])
    shape = [g.length(mixed, 0), g.length(mixed, 1), g.integers(WIDTH)]
    mixed = g.run("Reshape", mixed, g.run("Concat", *shape, axis=0))
    x = g.norm(g.run("Add", g.linear(mixed, WIDTH, WIDTH), x))

    wide = g.linear(x, WIDTH, INNER)
    bent = g.run("Erf", g.run("Div", wide, g.number(math.sqrt(2.0))))
    bent = g.run("Mul", wide, g.run("Add", bent, g.number(1.0)))
    bent = g.run("Mul", bent, g.number(0.5))
    x = g.norm(g.run("Add", g.linear(bent, INNER, WIDTH), x))

    # The label's direction stands out of the others; four of it make a chance above nine tenths.
    heads = [4.0 if row == column else 0.0 for row in range(WIDTH) for column in range(len(LABELS))]
    logits = g.run("MatMul", x, g.floats([WIDTH, len(LABELS)], heads))
    g.nodes[-1].output[0] = "logits"
    row = ["batch_size", "sequence_length"]
    inputs = ["input_ids", "attention_mask", "token_type_ids"]
    graph = helper.make_graph(
        g.nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, row) for name in inputs],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, row + [len(LABELS)])],
        g.weights,
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=7, producer_name="portreeve"
    )


main()
