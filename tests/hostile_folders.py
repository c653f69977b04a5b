"""Damaged and hostile folders of Hugging Face and files of llama2.c, as `hostile_gguf.py` makes those of GGUF."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llama2c_files
import numpy as np
import tokenizers
from checkpoint_files import byte_level_values, config_values
from hostile_gguf import Case, written
from safetensors.numpy import save

from accel.checkpoints.configuration import Configuration, RotaryPositions, shapes
from accel.checkpoints.huggingface import LLAMA

Make = Callable[[Path], Path]
CONFIG, WHOLE, TOKENS = "config.json", "model.safetensors", "tokenizer.json"
INDEX = "model.safetensors.index.json"
NORM, QUERIES = "model.norm.weight", "model.layers.0.self_attn.q_proj.weight"
DEEP = "[" * 100_000
SMALL = Configuration("llama", 1, 16, 2, 1, 8, 24, 300, 32, 1e-6, RotaryPositions(1e4, 8, "halves"), tied=False)
"""The network of `config_values`."""


def arrays() -> dict[str, np.ndarray]:
    """Its tensors, by the names of transformers."""
    inner = {ours: theirs for theirs, ours in LLAMA.items()}
    outer = {"embedding": "model.embed_tokens", "norm": "model.norm", "head": "lm_head"}
    found = {}
    for name, shape in shapes(SMALL).items():
        rest = name.removeprefix("layers.0.")
        theirs = outer.get(name) or f"model.layers.0.{inner[rest]}"
        found[f"{theirs}.weight"] = np.ones(shape, np.float32)
    return found


def good_tokens() -> str:
    values = byte_level_values()
    vocabulary = {token: i for i, token in enumerate(values["ggml.tokens"])}
    merges = [(left, right) for left, right in map(str.split, values["ggml.merges"])]
    encoder = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, merges))
    encoder.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    encoder.decoder = tokenizers.decoders.ByteLevel()
    return str(encoder.to_str())


def folder_with(folder: Path, **contents: bytes | str | None) -> Path:
    """A good folder, except for the contents given: config, tensors, tokens; None leaves a file out."""
    files = {
        CONFIG: contents.get("config", json.dumps(config_values())),
        WHOLE: contents.get("tensors", save(arrays())),
        TOKENS: contents.get("tokens", good_tokens()),
    }
    for name, content in files.items():
        if content is not None:
            written(folder / name, content)
    return folder


def having(**contents: bytes | str | None) -> Make:
    return lambda folder: folder_with(folder, **contents)


# ---- safetensors


def with_header(header: Any) -> Make:
    """A file with this header, an object or bytes, and the data of the good one."""
    good = save(arrays())
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return having(tensors=struct.pack("<Q", len(raw)) + raw + good[8 + int.from_bytes(good[:8], "little") :])


def good_header() -> dict[str, Any]:
    good = save(arrays())
    return dict(json.loads(good[8 : 8 + int.from_bytes(good[:8], "little")]))


def entry(**values: Any) -> Make:
    """A header with one tensor's entry changed."""
    header = good_header()
    header[NORM] |= values
    return with_header(header)


def header_cases() -> Iterator[Case]:
    good = save(arrays())
    for end in (0, 1, 7, 8, 9, 30, *range(100, len(good), len(good) // 14), len(good) - 1):
        yield f"cut-{end}", "truncated|empty|begins|end at", having(tensors=good[:end])
    for length in (0, 1, 2**64 - 1, 2**63, 10**8 + 1, len(good)):
        content = struct.pack("<Q", length) + good[8:]
        yield f"header-{length}", "truncated, or no safetensors file", having(tensors=content)
    yield "trailing", "end at byte", having(tensors=good + b"x")
    yield "no-json", "no valid JSON", with_header(b"{'a': 1}")
    yield "list", "its JSON is a list", with_header([1])
    yield "not-utf8", "no valid JSON", with_header(b'{"\xff": 1}')
    yield "deep", "nested too deeply", with_header(f'{{"a":{DEEP}'.encode())
    yield "deep-list", "nested too deeply", with_header(DEEP.encode())
    yield "nan", "NaN is no number of JSON", with_header(b'{"a": NaN}')
    twice = json.dumps(good_header())[:-1] + f', "{NORM}": {json.dumps(good_header()[NORM])}}}'
    yield "twice", f"the name {NORM!r} is given twice", with_header(twice.encode())


def entry_cases() -> Iterator[Case]:
    for value in (5, None, [], {}, {"dtype": "F32"}):
        yield f"entry-{value}", f"entry {NORM!r} is no tensor", with_header(good_header() | {NORM: value})
    yield "entry-more", "is no tensor", entry(stride=[1])
    for dtype in ("F64", "I32", "F8_E4M3", "X\n", ""):
        yield f"dtype-{dtype!r}", "F32, F16, BF16 are read", entry(dtype=dtype)
    for wrong in (5, None, ["F32"]):
        yield f"dtype-{wrong}", "is no tensor", entry(dtype=wrong)
    for shape in ([-16], [16.0], [True], ["16"], [[16]], 16, None, [1] * 9, [2**64]):
        yield f"shape-{shape}", "is no tensor", entry(shape=shape)
    for shape in ([17], [], [0], [2**32, 2**32], [2**62, 16], [4, 4]):
        yield f"shape-{shape}", "has shape|of shape", entry(shape=shape)
    first, last = good_header()[NORM]["data_offsets"]
    for offsets in ([last, first], [-1, last], [first], [first, last, last], [first, 2**64], [0.0, 4.0]):
        yield f"offsets-{offsets}", "is no tensor", entry(data_offsets=offsets)
    for offsets in ([first + 4, last + 4], [first, last - 4], [0, last - first], [2**62, 2**62 + last - first]):
        yield f"offsets-{offsets}", "begins at|end at|bytes", entry(data_offsets=offsets)
    for bits in (0x7FC00000, 0x7F800000):
        changed = arrays() | {NORM: np.full(16, bits, "<u4").view("<f4")}
        yield f"value-{bits:x}", "numbers that are not finite", having(tensors=save(changed))
    for name in (QUERIES, NORM, "lm_head.weight"):
        fewer = {other: array for other, array in arrays().items() if other != name}
        yield f"{name}-missing", "1 tensors are missing", having(tensors=save(fewer))
    for name in (QUERIES.replace("0", "1"), QUERIES.replace("weight", "bias"), "x\x1b[2J", "../x"):
        more = arrays() | {name: np.ones(3, np.float32)}
        yield f"extra-{name!r}", "1 tensors have no place", having(tensors=save(more))
    twice = arrays() | {f"transformer.{NORM}": np.ones(16, np.float32)}
    yield "one-role", "with and without `transformer.`", having(tensors=save(twice))


# ---- parts and links


def index(places: Any, **parts: bytes) -> Make:
    def make(folder: Path) -> Path:
        folder_with(folder, tensors=None)
        written(folder / INDEX, json.dumps({"weight_map": places}))
        for name, content in parts.items():
            written(folder / f"{name}.safetensors", content)
        return folder

    return make


def linked(name: str, target: str) -> Make:
    def make(folder: Path) -> Path:
        (folder_with(folder) / name).unlink()
        (folder / name).symlink_to(target)
        return folder

    return make


def nested(name: str) -> Make:
    """A folder where a file should be."""

    def make(folder: Path) -> Path:
        (folder_with(folder) / name).unlink()
        (folder / name).mkdir()
        return folder

    return make


def part_cases() -> Iterator[Case]:
    names, good = [*arrays()], save(arrays())
    for value in (None, [], 5, {"a": 5}, {"a": None}, {"a": ["b"]}):
        yield f"map-{value}", "its weight_map names no files", index(value)
    outside = ("../m.safetensors", "/etc/passwd", "a/b.safetensors", "..", ".", "", "../../../etc/shadow")
    for name in outside:
        yield f"name-{name!r}", "no file of the folder", index(dict.fromkeys(names, name), m=good)
    for name in ("m\0.safetensors", "a" * 5000):
        yield f"name-{name!r:.9}", "no file name|is missing", index(dict.fromkeys(names, name), m=good)
    halves = {name: f"{'m' if name == names[0] else 'n'}.safetensors" for name in names}
    first, rest = save({names[0]: arrays()[names[0]]}), save({name: arrays()[name] for name in names[1:]})
    yield "part-missing", "'n.safetensors' is missing", index(halves, m=first)
    yield "elsewhere", "not where it says", index(halves, m=good, n=rest)
    yield "not-in-part", "is not in 'm.safetensors'", index(dict.fromkeys([*names, "more"], "m.safetensors"), m=good)
    yield "parts-2000", "names 2000 files", index({str(i): f"{i}.safetensors" for i in range(2000)})
    for name in (INDEX, CONFIG):
        yield f"part-{name}", "truncated, or no safetensors file", index(dict.fromkeys(names, name))
    for name in (WHOLE, CONFIG, TOKENS):
        yield f"link-{name}", "leads out of its folder", linked(name, "/etc/passwd")
        yield f"link-up-{name}", "leads out of its folder", linked(name, "../../x")
        yield f"circle-{name}", "", linked(name, name)
        yield f"folder-{name}", "has no|has neither", nested(name)


# ---- config.json and tokenizer.json

LLAMA3 = {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 1}
WRONG_SETTINGS: tuple[tuple[str, Any, str], ...] = (
    ("num_key_value_heads", 3, "cannot share 3"),
    ("head_dim", 7, "7 rotary channels are no pairs"),
    ("head_dim", 10**6, "channels of a head turn"),
    ("rms_norm_eps", 0, "eps is 0"),
    ("rms_norm_eps", "x", "no number"),
    ("rms_norm_eps", -1e-5, "eps is -1e-05"),
    ("rope_theta", 0, "rope theta is 0"),
    ("hidden_act", "tanh", "its activation is 'tanh'"),
    ("hidden_act", 5, "its activation is '5'"),
    ("tie_word_embeddings", 1, "neither true nor false"),
    ("attention_bias", "yes", "neither true nor false"),
    ("quantization_config", {}, "a quantization of their own"),
    ("rope_scaling", {"rope_type": "yarn", "factor": 4.0}, "scaled by 'yarn'"),
    ("rope_scaling", [1], "no object"),
    ("rope_scaling", {"rope_type": "linear"}, "factor is missing"),
    ("rope_scaling", {"rope_type": "linear", "factor": 0}, "is 0"),
    ("rope_scaling", {"rope_type": "llama3", "factor": 8.0}, "low_freq_factor is missing"),
    ("rope_scaling", LLAMA3 | {"original_max_position_embeddings": 32}, "no numbers of Llama 3"),
    ("partial_rotary_factor", 2.0, "channels of a head turn"),
    ("layer_types", "full", "no list of names"),
    ("layer_types", ["full_attention", "sliding_attention"], "some layers see all tokens"),
    ("layer_types", ["chunked_attention"], "layers of type"),
    ("no_rope_layers", [1, 1], "no list of a 0 or 1 per layer"),
    ("no_rope_layers", "x", "no list of a 0 or 1"),
    ("mlp_bias", True, "tensors are missing"),
)
SIZES = ("hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size", "vocab_size")


def setting(name: str, value: Any) -> Make:
    return having(config=json.dumps(config_values() | {name: value}))


def with_pickle(folder: Path) -> Path:
    written(folder_with(folder, tensors=None) / "pytorch_model.bin", b"\x80\x02")
    return folder


def config_cases() -> Iterator[Case]:
    wrong = (
        "",
        "x",
        "[1]",
        "{",
        '{"a": NaN}',
        '{"a": 1, "a": 2}',
        f'{{"a": {DEEP}',
        f'{{"b": 1{"0" * 6000}}}',
        "\ufeff{}",
    )
    for content in wrong:
        yield f"content-{content[:12]!r}", "config.json: ", having(config=content)
    yield "not-utf8", "no valid JSON", having(config=b'{"\xff": 1}')
    for value in (None, "bert", "x\ny", ["llama"], {"a": 1}, 5):
        yield f"model_type-{value}", "its model_type is", setting("model_type", value)
    for name in (*SIZES, "max_position_embeddings"):
        yield f"{name}-missing", f"{name} is missing", setting(name, None)
        for number in (0, -1, 10**9, 10**30, 1.5, True, "8", [8]):
            yield f"{name}-{number}", "config.json: ", setting(name, number)
    for name, value, match in WRONG_SETTINGS:
        yield f"{name}-{value!s:.60}-wrong", match, setting(name, value)
    yield "no-config", "has no config.json", having(config=None)
    yield "pickle", "can run programs, so it is never opened", with_pickle
    yield "no-weights", "has neither model.safetensors", having(tensors=None)


def tokens(change: Callable[[dict[str, Any]], Any]) -> Make:
    contents = json.loads(good_tokens())
    change(contents)
    return having(tokens=json.dumps(contents))


def beside(name: str, content: str) -> Make:
    return lambda folder: written(folder_with(folder) / name, content).parent


def token_cases() -> Iterator[Case]:
    file = "tokenizer.json: "
    yield "missing", "has no tokenizer.json", having(tokens=None)
    for content in ("x", "[]", "{}", '{"a":' * 50_000, '{"version": "1.0"}', good_tokens()[:-40]):
        yield f"content-{content[:12]!r}", file, having(tokens=content)
    yield "id-large", "token 5000 has no row", tokens(lambda c: c["model"]["vocab"].update(zzz=5000))
    yield "id-huge", file, tokens(lambda c: c["model"]["vocab"].update(zzz=2**40))
    yield "id-negative", file, tokens(lambda c: c["model"]["vocab"].update(zzz=-1))
    yield "merges", file, tokens(lambda c: c["model"]["merges"].append(["zz", "yy"]))
    yield "model", file, tokens(lambda c: c["model"].update(type="Nothing"))
    yield "no-decoder", "its decoder", tokens(lambda c: c.update(decoder=None))
    word_piece = {"type": "WordPiece", "prefix": "##", "cleanup": True}
    yield "decoder", "its decoder", tokens(lambda c: c.update(decoder=word_piece))
    pattern = {"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated", "invert": False}
    yield "regex", file, tokens(lambda c: c.update(pre_tokenizer=pattern))
    for name in ("tokenizer_config.json", "generation_config.json"):
        for content in ("x", "[1]", '{"a": 1, "a": 2}'):
            yield f"{name}-{content}", f"{name}: ", beside(name, content)


# ---- llama2.c

HEADER = (16, 24, 1, 2, 1, 300, 32)


def bin_bytes(numbers: tuple[int, ...] = HEADER) -> bytes:
    return llama2c_files.content(numbers, SMALL, lambda _, wanted: np.ones(wanted))


def token_bytes(count: int = 300, score: float = 0.0, length: int | None = None) -> bytes:
    texts = [f"t{i}".encode() for i in range(count)]
    return llama2c_files.vocabulary(8, ((score, len(raw) if length is None else length, raw) for raw in texts))


def plain(content: bytes, vocabulary: bytes | None = None) -> Make:
    def make(folder: Path) -> Path:
        written(folder / "tokenizer.bin", token_bytes() if vocabulary is None else vocabulary)
        return written(folder / "m.bin", content)

    return make


def bin_cases() -> Iterator[Case]:
    good, names = bin_bytes(), token_bytes()
    for end in (0, 1, 4, 27, 28, 29, *range(100, len(good), len(good) // 12), len(good) - 1):
        yield f"cut-{end}", "empty|truncated|llama2.c", plain(good[:end])
    yield "trailing", r"has \d+ bytes, a network of its header \d+", plain(good + bytes(4))
    for place in range(7):
        for value in (0, -1, 2**31 - 1, -(2**31), 3):
            numbers = (*HEADER[:place], value, *HEADER[place + 1 :])
            yield f"header-{place}-{value}", "m.bin: ", plain(bin_bytes(numbers))
    yield "version-1", "no file of llama2.c's version 0", plain(struct.pack("<I", 0x616B3432) + good)
    zipped = b"PK\3\4" + bytes(26) + b"archive/data.pkl" + bytes(200)
    for name, content in (("pytorch", zipped), ("pickle", b"\x80\x02}q\x00." + bytes(100))):
        yield name, "is a PyTorch file; it can run programs, so it is never opened", plain(content)
    yield "nan", "not finite", plain(good[:100] + struct.pack("<f", float("nan")) + good[104:])
    for end in (0, 3, 4, 11, 1000, len(names) - 1):
        yield f"tokens-cut-{end}", "tokenizer.bin: ", plain(good, names[:end])
    yield "tokens-trailing", "it belongs to another model", plain(good, names + b"x")
    yield "tokens-more", "it belongs to another model", plain(good, token_bytes(301))
    for length in (-1, 2**31 - 1, 1025):
        yield f"tokens-length-{length}", f"a token of {length} bytes", plain(good, token_bytes(length=length))
    yield "tokens-nan", "score is not finite", plain(good, token_bytes(score=float("nan")))
    yield "no-tokens", "no tokenizer: tok300.bin and tokenizer.bin", lambda folder: written(folder / "m.bin", good)


def other_cases() -> Iterator[Case]:
    yield "missing", "no such file", lambda folder: folder / "none.gguf"
    yield "device", "it is a device or a pipe", lambda folder: Path("/dev/zero")
    yield "name", "no valid file name|no such file", lambda folder: folder / "a\0b"
    yield "text", "is no checkpoint", lambda folder: written(folder / "m.txt", "hello world")
    yield "safetensors", "name its folder", lambda folder: written(folder / WHOLE, save(arrays()))
    yield "onnx", "is an ONNX file", lambda folder: written(folder / "m.onnx", b"\x08\x07" + bytes(50))
    yield "torch", "is a PyTorch file", lambda folder: written(folder / "m.pt", b"PK\3\4" + bytes(100))
    for name, found in {"x.npz": "a NumPy file; name a .gguf file", "x.zip": "a zip archive; unpack it"}.items():
        yield name, f"is {found}", lambda folder, name=name: written(folder / name, b"PK\3\4" + bytes(100))
    graph = b"PK\3\4" + bytes(26) + b"header.npy" + bytes(100)
    yield "graph", "a truncated or damaged file of accel; save", lambda folder: written(folder / "g.accel", graph)
    width = struct.pack("<7i", 640, *HEADER[1:])  # begins as a pickle does
    yield "640-channels", "of llama2.c|bytes", lambda folder: written(folder / "m.bin", width)
