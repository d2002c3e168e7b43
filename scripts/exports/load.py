"""Loads exported folders with transformers and compares their logits with those beside them.

usage: load.py FOLDER ...
needs: torch, transformers 5.18, safetensors

Each FOLDER has model/, an exported checkpoint, and expected.safetensors: input_ids i32 [B, S] and logits f32 [B, S, V], computed
in float64. A line each: the largest difference of logits, as a share of the largest logit, and weights that transformers found
missing or had no place for. Ends with 1 where a difference is above 2e-6 or a weight is missing. MXFP4 of gpt-oss is dequantised by
transformers; other codes, which it needs a GPU or another package for, by `codes.py`.
"""

import json
import pathlib
import sys
import tempfile

import torch
from codes import decode_folder
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, Mxfp4Config
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()

# parts of transformers compute in f32 whatever the weights are
ACCURACY = 2e-6


def load(folder):
    config = json.loads((folder / "config.json").read_text())
    kind = AutoModelForImageTextToText if config["architectures"][0].endswith("ForConditionalGeneration") else AutoModelForCausalLM
    method = config.get("quantization_config", {}).get("quant_method")
    quantised = {"quantization_config": Mxfp4Config(dequantize=True)} if method == "mxfp4" else {}
    dtype = torch.bfloat16 if quantised else torch.float64
    model, info = kind.from_pretrained(
        folder, dtype=dtype, attn_implementation="eager", experts_implementation="eager", output_loading_info=True, **quantised
    )
    return model.eval().double(), info


def load_decoded(folder):
    config = json.loads((folder / "config.json").read_text())
    method = config.get("quantization_config", {}).get("quant_method")
    if method is None or (method == "mxfp4" and config["model_type"] == "gpt_oss"):
        return load(folder)
    with tempfile.TemporaryDirectory() as other:
        decode_folder(folder, pathlib.Path(other))
        return load(pathlib.Path(other))


def check(folder):
    model, info = load_decoded(folder / "model")
    expected = load_file(folder / "expected.safetensors")
    with torch.no_grad():
        found = model(input_ids=expected["input_ids"].long(), use_cache=False).logits
    wanted = expected["logits"].double()
    error = ((found - wanted).abs().max() / wanted.abs().max()).item()
    missing = sorted(info["missing_keys"])
    unread = sorted(info["unexpected_keys"])
    is_right = error <= ACCURACY and not missing and not info["mismatched_keys"]
    said = "".join(f"  {what}: {', '.join(names[:4])}" for what, names in (("missing", missing), ("unread", unread)) if names)
    return is_right, f"{error:.1e}{said}"


if __name__ == "__main__":
    wrong = 0
    for name in sys.argv[1:]:
        folder = pathlib.Path(name)
        try:
            is_right, detail = check(folder)
        except Exception as problem:  # the next one may load
            is_right, detail = False, " ".join(str(problem).split())[:300]
        wrong += not is_right
        print(f"{folder.name:40s} {'right' if is_right else 'WRONG'}  {detail}", flush=True)
    sys.exit(1 if wrong else 0)
