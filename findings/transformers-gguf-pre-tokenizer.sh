#!/bin/sh
# transformers 5.24: a tokenizer that is made of a GGUF file ignores the value tokenizer.ggml.pre, and cuts every text as GPT-2
# does. A file of SmolLM sets digits apart ("smollm"), as llama.cpp and the model's own tokenizer.json do: three spaces in
# front of a digit are one token there, and two here. 113,108 instead of 112,955 tokens for the help of Python.
# Exits with 1 when that changes.
set -e
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q transformers==5.24.0 gguf==0.19.0 numpy==2.4.6 tokenizers==0.23.3 torch==2.13.0
cd "$folder"
cat > shown.py <<'PY'
import gguf
from tokenizers import pre_tokenizers
from transformers import AutoTokenizer

alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
writer = gguf.GGUFWriter("m.gguf", "llama")
writer.add_tokenizer_model("gpt2")
writer.add_tokenizer_pre("smollm")
writer.add_token_list([*alphabet, "<|end|>", "ĠĠ", "ĠĠĠ"])
writer.add_token_types([1] * 256 + [3, 1, 1])
writer.add_token_merges(["Ġ Ġ", "ĠĠ Ġ"])
writer.add_bos_token_id(256)
writer.add_eos_token_id(256)
writer.add_unk_token_id(256)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.close()
found = AutoTokenizer.from_pretrained(".", gguf_file="m.gguf").tokenize("   1")
digits_apart = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
meant = [piece for piece, _ in digits_apart.pre_tokenize_str("   1")]
print(f"transformers: {found}; digits apart: {meant}")
raise SystemExit(found != ["ĠĠ", "Ġ", "1"] or meant != ["ĠĠĠ", "1"])
PY
env/bin/python shown.py
