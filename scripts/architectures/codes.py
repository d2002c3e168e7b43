"""Makes tiny random checkpoints whose weights are codes with scales, as their makers publish them, with reference logits.

usage: codes.py OUT [NAME ...] [--seed N]
needs: torch, transformers 5.18, safetensors

The table, codes.json beside this file, has for each NAME a config, the `quantization_config` of the published checkpoints, the
method of this script, and the layouts that are made. A folder OUT/NAME gets
  config.json              with the quantization_config
  model.safetensors        as on the hub
  fused.safetensors        all experts of a layer in one tensor, quantised as one
  reference.safetensors    input_ids i32 [B, S], logits f32 [B, S, V], fused_logits for the fused file
Logits are those of transformers in float64, with weights that it dequantised itself where its code for that runs without a GPU:
for MXFP4 and FP8 in squares. Those of compressed-tensors are (code - zero point) x scale, as its documentation has it.
"""

import argparse
import json
import pathlib
import re
import shutil
import tempfile

import torch
from make import HERE, logits_of, model_of, tokens_of
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.integrations.finegrained_fp8 import Fp8Dequantize
from transformers.integrations.mxfp4 import _convert_moe_packed_tensors

SQUARE = 128
LARGEST_E4M3 = 448


def mxfp4(name, weight, generator, _):
    """Random codes in the shape of a weight [E, in, out], and what transformers makes of them."""
    experts, width, rows = weight.shape
    blocks = torch.randint(0, 256, (experts, rows, width // 32, 16), generator=generator, dtype=torch.uint8)
    scales = torch.randint(122, 126, (experts, rows, width // 32), generator=generator, dtype=torch.uint8)
    dense = _convert_moe_packed_tensors(blocks, scales, dtype=torch.float32)
    return {f"{name}_blocks": blocks, f"{name}_scales": scales}, dense.contiguous()


def padded(matrix):
    rows, columns = (-(-size // SQUARE) * SQUARE for size in matrix.shape[-2:])
    return torch.nn.functional.pad(matrix, (0, columns - matrix.shape[-1], 0, rows - matrix.shape[-2]))


def fp8(name, weight, generator, _):
    """The nearest codes for the largest number of each square; squares at the edge are cut off."""
    rows, columns = weight.shape[-2:]
    whole = padded(weight.float())
    squares = whole.unflatten(-1, (-1, SQUARE)).unflatten(-3, (-1, SQUARE))
    scales = squares.abs().amax(dim=(-3, -1)) / LARGEST_E4M3
    codes = (squares / scales[..., :, None, :, None]).to(torch.float8_e4m3fn).reshape(whole.shape)
    dense = Fp8Dequantize(None)._dequantize_one(codes, scales, output_dtype=torch.float32)
    cut = (..., slice(rows), slice(columns))
    return {name: codes[cut].contiguous(), f"{name}_scale_inv": scales}, dense[cut].contiguous()


def packed(codes, bits):
    """Codes less than 2^bits along the last axis as int32, the first in the lowest bits."""
    per_word = 32 // bits
    whole = torch.nn.functional.pad(codes.long(), (0, -codes.shape[-1] % per_word)).unflatten(-1, (-1, per_word))
    return (whole << torch.arange(0, 32, bits)).sum(-1).to(torch.int32)


def integers(weight, bits, group, symmetric):
    """Numbers -2^(bits - 1) .. 2^(bits - 1) - 1 by group, scales in bf16 and zero points, as compressed-tensors defines them."""
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    groups = weight.float().unflatten(-1, (-1, group or weight.shape[-1]))
    low, high = groups.amin(-1, keepdim=True).clamp(max=0), groups.amax(-1, keepdim=True).clamp(min=0)
    width = 2 * torch.maximum(-low, high) if symmetric else high - low
    scales = (width / (most - least)).to(torch.bfloat16)
    zeros = torch.zeros_like(low) if symmetric else (least - low / scales.float()).round().clamp(least, most)
    codes = ((groups / scales.float()).round() + zeros).clamp(least, most)
    dense = (codes - zeros) * scales.float()
    return [codes.flatten(-2), scales.squeeze(-1), zeros.squeeze(-1), dense.flatten(-2)]


def pack_quantized(name, weight, _, arguments):
    bits, offset = arguments["bits"], 2 ** (arguments["bits"] - 1)
    codes, scales, zeros, dense = integers(weight, bits, arguments["group"], arguments["symmetric"])
    shape = torch.tensor(weight.shape)
    tensors = {f"{name}_packed": packed(codes + offset, bits), f"{name}_scale": scales, f"{name}_shape": shape}
    if not arguments["symmetric"]:
        tensors[f"{name}_zero_point"] = packed((zeros + offset).T, bits).T.contiguous()
    return tensors, dense


def int_quantized(name, weight, _, arguments):
    codes, scales, zeros, dense = integers(weight, 8, arguments["group"], arguments["symmetric"])
    tensors = {name: codes.to(torch.int8), f"{name}_scale": scales}
    return tensors if arguments["symmetric"] else {**tensors, f"{name}_zero_point": zeros.to(torch.int8)}, dense


def float_quantized(name, weight, *_):
    """FP8 with a scale for each row."""
    scales = (weight.float().abs().amax(-1, keepdim=True) / LARGEST_E4M3).to(torch.bfloat16)
    codes = (weight.float() / scales.float()).to(torch.float8_e4m3fn)
    return {name: codes, f"{name}_scale": scales}, codes.float() * scales.float()


LINEAR = r"\.(self_attn|experts(\.\d+)?|shared_experts|mlp)\.\w+_proj(_with_mqa)?(\.weight)?$|\.experts\.\d+\.w[123]\.weight$"

METHODS = {
    "pack-quantized": (pack_quantized, LINEAR),
    "int-quantized": (int_quantized, LINEAR),
    "float-quantized": (float_quantized, LINEAR),
    "mxfp4": (mxfp4, r"\.experts\.(gate_up|down)_proj$"),
    "fp8": (fp8, LINEAR),
}


def quantised(tensors, row, generator):
    """The tensors of the file, and those that it means."""
    quantise, pattern = METHODS[row["method"]]
    arguments = row.get("arguments")
    stored, dense = {}, {}
    for name, tensor in sorted(tensors.items()):
        codes, values = quantise(name, tensor, generator, arguments) if re.search(pattern, name) else ({name: tensor}, tensor)
        stored.update(codes)
        dense[name] = values
    return stored, dense


def logits_from(folder, dense, config, ids):
    save_file(dense, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config))
    loaded = AutoConfig.from_pretrained(folder)
    loaded._experts_implementation = "eager"
    model = AutoModelForCausalLM.from_pretrained(folder, config=loaded, dtype=torch.float32, attn_implementation="eager")
    return logits_of(model.eval(), ids)


def layouts_of(model):
    """The config, and the tensors of each layout."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        hub = load_file(f"{folder}/model.safetensors")
        config = json.loads(pathlib.Path(folder, "config.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, save_original_format=False)
        fused = load_file(f"{folder}/model.safetensors")
    return config, {"model": hub, "fused": fused}


def make(name, row, out, seed):
    folder = pathlib.Path(out) / name
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    model = model_of(row["config"], seed)
    ids = tokens_of(model, seed)
    config, layouts = layouts_of(model.to(torch.bfloat16))
    reference = {"input_ids": ids.to(torch.int32)}
    generator = torch.Generator().manual_seed(seed)
    for layout in row["layouts"]:
        stored, dense = quantised(layouts[layout], row, generator)
        save_file(stored, folder / f"{layout}.safetensors")
        with tempfile.TemporaryDirectory() as other:
            logits = logits_from(pathlib.Path(other), dense, config, ids)
        reference["logits" if layout == "model" else f"{layout}_logits"] = logits
    save_file(reference, folder / "reference.safetensors")
    (folder / "config.json").write_text(json.dumps({**config, "quantization_config": row["quantization_config"]}, indent=2))
    print(f"{name:24s} {sum(file.stat().st_size for file in folder.iterdir()) / 1000:.0f} KB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    table = json.loads((HERE / "codes.json").read_text())
    for name in arguments.names or table:
        make(name, table[name], arguments.out, arguments.seed)
