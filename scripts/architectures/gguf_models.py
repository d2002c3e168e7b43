"""Makes tiny random models as GGUF files, with reference logits of transformers.

usage: gguf_models.py OUT [TYPE ...] [--seed N]
needs: torch, transformers 5.18, safetensors, gguf

OUT/TYPE.gguf has the tensors as llama.cpp's converter writes them: experts of a layer in one tensor, rows of queries and keys of
Llama's family in the order of neighbouring pairs, axes of one entry left out. OUT/TYPE.safetensors has input_ids and logits.
"""

import argparse
import pathlib

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from make import logits_of, model_of, tokens_of
from safetensors.torch import save_file

SIZES = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
EXPERTS = {"moe_intermediate_size": 8, "num_experts": 5, "num_experts_per_tok": 2}
#: type -> (architecture in GGUF, config)
MODELS = {
    "llama": ("llama", {**SIZES, "intermediate_size": 20, "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}}),
    "mixtral": ("llama", {**SIZES, "intermediate_size": 12, "num_local_experts": 4, "num_experts_per_tok": 2}),
    "qwen2": ("qwen2", {**SIZES, "intermediate_size": 20, "tie_word_embeddings": True}),
    "qwen3": ("qwen3", {**SIZES, "intermediate_size": 20, "head_dim": 6}),
    "qwen2_moe": ("qwen2moe", {**SIZES, **EXPERTS, "intermediate_size": 20, "shared_expert_intermediate_size": 12}),
    "qwen3_moe": ("qwen3moe", {**SIZES, **EXPERTS, "intermediate_size": 20, "head_dim": 6, "norm_topk_prob": True}),
    "olmoe": ("olmoe", {**SIZES, "intermediate_size": 8, "num_experts": 5, "num_experts_per_tok": 2, "clip_qkv": 0.9}),
}
#: what leads from a name in transformers to one in the file, longest first
NAMES = [
    ("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output"), ("model.layers.", "blk."),
    ("input_layernorm", "attn_norm"), ("post_attention_layernorm", "ffn_norm"), ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"),
    ("self_attn.q_norm", "attn_q_norm"), ("self_attn.k_norm", "attn_k_norm"), ("mlp.shared_expert_gate", "ffn_gate_inp_shexp"),
    ("mlp.shared_expert.gate_proj", "ffn_gate_shexp"), ("mlp.shared_expert.up_proj", "ffn_up_shexp"),
    ("mlp.shared_expert.down_proj", "ffn_down_shexp"), ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"), ("mlp.gate", "ffn_gate_inp"),
]


def in_file(name):
    for long, short in NAMES:
        name = name.replace(long, short)
    return name


def neighbours(weight, heads):
    """Rows of each head in the order 0, half, 1, half + 1, ...: pairs that are rotated together become neighbours."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def tensors_of(model, architecture):
    config = model.config
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        data = tensor.float().numpy()
        if architecture == "llama" and "q_proj" in name:
            data = neighbours(data, config.num_attention_heads)
        if architecture == "llama" and "k_proj" in name:
            data = neighbours(data, config.num_key_value_heads)
        if name.endswith("experts.gate_up_proj"):
            block, half = name.split(".mlp")[0].replace("model.layers.", "blk."), data.shape[1] // 2
            yield f"{block}.ffn_gate_exps.weight", data[:, :half]
            yield f"{block}.ffn_up_exps.weight", data[:, half:]
        elif name.endswith("experts.down_proj"):
            yield name.split(".mlp")[0].replace("model.layers.", "blk.") + ".ffn_down_exps.weight", data
        else:
            yield in_file(name), data.squeeze() if data.ndim > 1 else data


def write_metadata(writer, config):
    writer.add_context_length(config.max_position_embeddings)
    writer.add_vocab_size(config.vocab_size)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_rope_dimension_count(head)
    if getattr(config, "head_dim", None):
        writer.add_key_length(head)
        writer.add_value_length(head)
    if config.rope_parameters["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(config.rope_parameters["factor"])
    experts = getattr(config, "num_local_experts", None) or getattr(config, "num_experts", None)
    if experts:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(config.num_experts_per_tok)
    if getattr(config, "moe_intermediate_size", None):
        writer.add_expert_feed_forward_length(config.moe_intermediate_size)
    if getattr(config, "shared_expert_intermediate_size", None):
        writer.add_expert_shared_feed_forward_length(config.shared_expert_intermediate_size)
    if getattr(config, "clip_qkv", None):
        writer.add_clamp_kqv(config.clip_qkv)
    writer.add_token_list([f"<{token}>" for token in range(config.vocab_size)])


def make(name, out, seed):
    architecture, settings = MODELS[name]
    model = model_of({"model_type": name, "max_position_embeddings": 64, **settings}, seed)
    writer = gguf.GGUFWriter(out / f"{name}.gguf", architecture)
    write_metadata(writer, model.config)
    for tensor, data in tensors_of(model, architecture):
        # norms and biases stay f32; matrices are exact in bf16
        if data.ndim == 1:
            writer.add_tensor(tensor, data)
        else:
            brain = (np.ascontiguousarray(data).view(np.uint32) >> 16).astype(np.uint16)
            writer.add_tensor(tensor, brain.view(np.uint8), raw_dtype=Type.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    ids = tokens_of(model, seed)
    save_file({"input_ids": ids.to(torch.int32), "logits": logits_of(model, ids)}, out / f"{name}.safetensors")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("types", nargs="*")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    for name in arguments.types or MODELS:
        make(name, arguments.out, arguments.seed)
