"""Makes a random checkpoint in the full shape of granite-3.1-1b-a400m: 1.3 B parameters in bfloat16, 2.7 GB in sharded files.

usage: large.py OUT [--layers N] [--shard BYTES] [--seed N]
needs: torch

The folder OUT gets
  config.json                      granitemoe, with the multipliers of the published config
  model-0000N-of-0000M.safetensors, model.safetensors.index.json
  tokens.safetensors               input_ids i32 [1, 128], and input_ids_512 i32 [1, 512]
Tensors are drawn and written in pieces, so that the process holds a few MB of them. Each has its own seed.
"""

import argparse
import json
import math
import pathlib
import struct

import torch

CONFIG = {
    "architectures": ["GraniteMoeForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "attention_multiplier": 0.015625,
    "bos_token_id": 0,
    "embedding_multiplier": 12.0,
    "eos_token_id": 0,
    "hidden_act": "silu",
    "hidden_size": 1024,
    "initializer_range": 0.02,
    "intermediate_size": 512,
    "logits_scaling": 6.0,
    "max_position_embeddings": 131072,
    "model_type": "granitemoe",
    "num_attention_heads": 16,
    "num_experts_per_tok": 8,
    "num_hidden_layers": 24,
    "num_key_value_heads": 8,
    "num_local_experts": 32,
    "output_router_logits": False,
    "pad_token_id": 0,
    "residual_multiplier": 0.22,
    "rms_norm_eps": 1e-06,
    "rope_scaling": None,
    "rope_theta": 1500000.0,
    "router_aux_loss_coef": 0.0,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": 49155,
}
PIECE = 2**21


def tensors_of(config):
    """Names and shapes, in the order of the files."""
    width, inner, experts = config["hidden_size"], config["intermediate_size"], config["num_local_experts"]
    head = width // config["num_attention_heads"]
    keys = head * config["num_key_value_heads"]
    yield "model.embed_tokens.weight", (config["vocab_size"], width)
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}"
        yield f"{at}.input_layernorm.weight", (width,)
        yield f"{at}.self_attn.q_proj.weight", (width, width)
        yield f"{at}.self_attn.k_proj.weight", (keys, width)
        yield f"{at}.self_attn.v_proj.weight", (keys, width)
        yield f"{at}.self_attn.o_proj.weight", (width, width)
        yield f"{at}.post_attention_layernorm.weight", (width,)
        yield f"{at}.block_sparse_moe.router.layer.weight", (experts, width)
        yield f"{at}.block_sparse_moe.input_linear.weight", (experts, 2 * inner, width)
        yield f"{at}.block_sparse_moe.output_linear.weight", (experts, width, inner)
    yield "model.norm.weight", (width,)


def pieces_of(shape, seed):
    """The bytes of a tensor: gains near 1, matrices by their fan-in, so that activations neither vanish nor grow."""
    generator = torch.Generator().manual_seed(seed)
    count = math.prod(shape)
    mean, deviation = (1.0, 0.1) if len(shape) == 1 else (0.0, shape[-1] ** -0.5)
    for start in range(0, count, PIECE):
        values = torch.randn(min(PIECE, count - start), generator=generator) * deviation + mean
        yield values.to(torch.bfloat16).view(torch.int16).numpy().tobytes()


def header_of(entries):
    """The length and the JSON of a safetensors header, for (name, dtype, shape, bytes) in the order of the data."""
    table, end = {}, 0
    for name, dtype, shape, size in entries:
        table[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(table).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def shards_of(tensors, limit):
    shard, size = [], 0
    for name, shape in tensors:
        bytes_ = 2 * math.prod(shape)
        if shard and size + bytes_ > limit:
            yield shard
            shard, size = [], 0
        shard.append((name, "BF16", shape, bytes_))
        size += bytes_
    yield shard


def write_model(out, config, limit, seed):
    shards = list(shards_of(tensors_of(config), limit))
    places, number = {}, 0
    for index, entries in enumerate(shards):
        file = f"model-{index + 1:05d}-of-{len(shards):05d}.safetensors"
        with open(out / file, "wb") as stream:
            stream.write(header_of(entries))
            for name, _, shape, _ in entries:
                places[name] = file
                number += 1
                for piece in pieces_of(shape, seed + number):
                    stream.write(piece)
    total = sum(size for entries in shards for *_, size in entries)
    text = json.dumps({"metadata": {"total_size": total}, "weight_map": places}, indent=1)
    (out / "model.safetensors.index.json").write_text(text)
    return total


def write_tokens(out, vocabulary, seed):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, vocabulary, (1, 512), generator=generator).to(torch.int32).numpy()
    tensors = [("input_ids", ids[:, :128]), ("input_ids_512", ids)]
    with open(out / "tokens.safetensors", "wb") as stream:
        stream.write(header_of([(name, "I32", rows.shape, rows.nbytes) for name, rows in tensors]))
        for _, rows in tensors:
            stream.write(rows.tobytes())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--layers", type=int, default=CONFIG["num_hidden_layers"])
    parser.add_argument("--shard", type=int, default=10**9, help="bytes of a file")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    folder = pathlib.Path(arguments.out)
    folder.mkdir(parents=True, exist_ok=True)
    made = {**CONFIG, "num_hidden_layers": arguments.layers}
    (folder / "config.json").write_text(json.dumps(made, indent=2) + "\n")
    written = write_model(folder, made, arguments.shard, arguments.seed)
    write_tokens(folder, made["vocab_size"], arguments.seed)
    print(f"{folder}: {written / 2e9:.2f} B parameters, {written / 1e9:.2f} GB")
