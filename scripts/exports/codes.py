"""Numbers that the codes of a checkpoint mean, by the documentation of their formats alone.

needs: torch, safetensors

`decode_folder(folder, out)` writes a folder without codes: every weight in f32 under its own name, and the config without
`quantization_config`. Layouts: `pack-quantized`, `int-quantized` and `float-quantized` of compressed-tensors
(https://github.com/vllm-project/compressed-tensors), FP8 in squares of 128 x 128 (arXiv:2412.19437), and MXFP4 (Open Compute
Project, Microscaling Formats 1.0).
"""

import json

import torch
from safetensors.torch import load_file, save_file

SQUARE = 128
E2M1 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])


def unpacked(words, count, bits):
    """[..., W] int32 to [..., count] codes, the first in the lowest bits."""
    shifts = torch.arange(0, 32, bits)
    return ((words.long()[..., None] >> shifts) & (2**bits - 1)).flatten(-2)[..., :count]


def spread(grid, shape, group):
    """A number for each square, group, row or matrix, at each of its elements; `group` is the length of one in a row."""
    rows, columns = shape[-2:]
    if grid.dim() < 2:
        return grid.reshape([1] * len(shape)).expand(shape)
    high = 1 if grid.shape[-2] == rows else SQUARE
    wide = columns if grid.shape[-1] == 1 else group
    return grid.repeat_interleave(high, -2)[..., :rows, :].repeat_interleave(wide, -1)[..., :columns]


def pack_quantized(tensors, name, group):
    shape = tensors[f"{name}_shape"].tolist()
    words = tensors[f"{name}_packed"]
    bits = next(one for one in (4, 8) if -(-shape[-1] * one // 32) == words.shape[-1])
    codes = unpacked(words, shape[-1], bits)
    scales = tensors[f"{name}_scale"].float()
    zeros = torch.full_like(scales, 2 ** (bits - 1))
    if f"{name}_zero_point" in tensors:
        packed = tensors[f"{name}_zero_point"].transpose(-1, -2)
        zeros = unpacked(packed, shape[-2], bits).transpose(-1, -2).float()
    return (codes - spread(zeros, shape, group)) * spread(scales, shape, group)


def plain_quantized(codes, tensors, name, group):
    scales = tensors.get(f"{name}_scale", tensors.get(f"{name}_scale_inv")).float()
    zeros = tensors.get(f"{name}_zero_point", torch.zeros(1)).float()
    is_squares = scales.dim() > 1 and scales.shape[-2] not in (1, codes.shape[-2])
    wide = SQUARE if is_squares or f"{name}_scale_inv" in tensors else group
    return (codes.float() - spread(zeros, codes.shape, wide)) * spread(scales, codes.shape, wide)


def mxfp4(tensors, name):
    blocks, scales = tensors[f"{name}_blocks"].long(), tensors[f"{name}_scales"].float()
    codes = torch.stack([blocks & 15, blocks >> 4], -1).flatten(-2)
    return (E2M1[codes] * torch.exp2(scales - 127)[..., None]).flatten(-2)


BESIDE = ("_scale", "_shape", "_zero_point", "_scale_inv", "_scales")


def is_beside(name, tensors):
    """Whether a tensor says what the codes of another mean."""
    weights = [name.removesuffix(suffix) for suffix in BESIDE if name.endswith(suffix)]
    return any(weight + codes in tensors for weight in weights for codes in ("", "_packed", "_blocks"))


def decode(tensors, group):
    """Every weight as numbers, f32."""
    decoded = {}
    for name, tensor in tensors.items():
        if name.endswith("_packed"):
            weight = name.removesuffix("_packed")
            decoded[weight] = pack_quantized(tensors, weight, group)
        elif name.endswith("_blocks"):
            weight = name.removesuffix("_blocks")
            decoded[weight] = mxfp4(tensors, weight)
        elif f"{name}_scale" in tensors or f"{name}_scale_inv" in tensors:
            decoded[name] = plain_quantized(tensor, tensors, name, group)
        elif not is_beside(name, tensors):
            decoded[name] = tensor.float()
    return {name: tensor.contiguous() for name, tensor in decoded.items()}


def decode_folder(folder, out):
    config = json.loads((folder / "config.json").read_text())
    method = config.pop("quantization_config")
    groups = method.get("config_groups", {}).values()
    group = next((one["weights"]["group_size"] for one in groups), None)
    tensors = {}
    for path in sorted(folder.glob("*.safetensors")):
        tensors |= load_file(path)
    save_file(decode(tensors, group), out / "model.safetensors", metadata={"format": "pt"})
    (out / "config.json").write_text(json.dumps(config))
