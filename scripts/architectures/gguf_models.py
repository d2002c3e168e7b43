"""Makes tiny random models as GGUF files, with reference logits of transformers.

usage: gguf_models.py OUT [TYPE ...] [--seed N]
needs: torch, transformers 5.18, safetensors, gguf

OUT/TYPE.gguf has the tensors as llama.cpp's converter writes them: experts of a layer in one tensor, rows of queries and keys of
Llama's family in the order of neighbouring pairs, axes of one entry left out. Names are those of the format's own table. OUT/TYPE.safetensors has input_ids and logits.
"""

import argparse
import json
import pathlib
import re

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from gguf.quants import dequantize, quantize
from make import logits_of, model_of, tokens_of
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
SIZES = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
EXPERTS = {"moe_intermediate_size": 8, "num_experts": 5, "num_experts_per_tok": 2}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "rope_theta": 1e4, "beta_fast": 16.0}
LLAMA3 = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16, "rope_theta": 500.0,
}
TABLE = json.loads((HERE / "architectures.json").read_text())
#: type -> (architecture in GGUF, config)
MODELS = {
    "llama": ("llama", {**SIZES, "intermediate_size": 20, "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}}),
    "mixtral": ("llama", {**SIZES, "intermediate_size": 12, "num_local_experts": 4, "num_experts_per_tok": 2}),
    "qwen2": ("qwen2", {**SIZES, "intermediate_size": 20, "tie_word_embeddings": True}),
    "qwen3": ("qwen3", {**SIZES, "intermediate_size": 20, "head_dim": 6}),
    "qwen2_moe": ("qwen2moe", {**SIZES, **EXPERTS, "intermediate_size": 20, "shared_expert_intermediate_size": 12}),
    "qwen3_moe": ("qwen3moe", {**SIZES, **EXPERTS, "intermediate_size": 20, "head_dim": 6, "norm_topk_prob": True}),
    "olmoe": ("olmoe", {**SIZES, "intermediate_size": 8, "num_experts": 5, "num_experts_per_tok": 2, "clip_qkv": 0.9}),
    "granitemoeshared": ("granitemoe", TABLE["granitemoeshared"]),
    "gpt_oss": ("gpt-oss", TABLE["gpt_oss"]),
    "gpt_oss_mxfp4": ("gpt-oss", {**TABLE["gpt_oss"], "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2}),
    "deepseek_v2": ("deepseek2", {**TABLE["deepseek_v2"], "topk_method": "greedy", "n_group": 1, "topk_group": 1}),
    "deepseek_v3": ("deepseek2", {**TABLE["deepseek_v3"], "rope_parameters": {**YARN, "mscale": 0.7, "mscale_all_dim": 0.7}}),
    "deepseek_v2_split": ("deepseek2", {**TABLE["deepseek_v2"], "topk_method": "greedy", "n_group": 1, "topk_group": 1, "split_latent": True}),
    "deepseek_v3_q8_0": ("deepseek2", {**TABLE["deepseek_v3"], "kv_lora_rank": 32, "qk_nope_head_dim": 32, "num_hidden_layers": 2, "split_latent": True}),
    "llama_llama3": ("llama", {**SIZES, "model_type": "llama", "intermediate_size": 20, "hidden_size": 32, "rope_parameters": LLAMA3}),
    "glm4_moe": ("glm4moe", {**TABLE["glm4_moe"], "rope_parameters": {**YARN, "partial_rotary_factor": 0.5}}),
    "dots1": ("dots1", {**TABLE["dots1"], "sliding_window": None, "layer_types": None}),
    "exaone_moe": ("exaone-moe", TABLE["exaone_moe"]),
    "minimax_m2": ("minimax-m2", TABLE["minimax_m2"]),
    "lfm2_moe": ("lfm2moe", TABLE["lfm2_moe"]),
    "ernie4_5_moe": ("ernie4_5-moe", TABLE["ernie4_5_moe"]),
    "hunyuan_v1_moe": ("hunyuan-moe", TABLE["hunyuan_v1_moe"]),
    "dbrx": ("dbrx", TABLE["dbrx"]),
}
#: architectures whose queries and keys are written in the order of neighbouring pairs
PERMUTED = {"llama", "granitemoe"}
#: names in transformers 5 that the format's table, which knows those of the hub, has not
HUB_NAMES = [
    ("block_sparse_moe.router.weight", "block_sparse_moe.router.layer.weight"), ("self_attn.sinks", "self_attn.sinks.weight"),
    ("gate.moe_statics.e_score_correction_bias", "moe_statics.e_score_correction.bias"), ("expert_bias", "expert_bias.bias"),
    ("mlp.e_score_correction_bias", "block_sparse_moe.e_score_correction.bias"), ("e_score_correction_bias", "e_score_correction.bias"),
]


def is_split(config):
    """Whether keys and values of latent attention are tensors of their own, as llama.cpp's converter writes them since 2025."""
    return getattr(config, "split_latent", False)


def stacked(config):
    """Sizes of DBRX's experts, which lie in one matrix."""
    ffn = config.ffn_config
    return ffn.moe_num_experts, ffn.ffn_hidden_size, config.d_model


def neighbours(weight, heads):
    """Rows of each head in the order 0, half, 1, half + 1, ...: pairs that are rotated together become neighbours."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def halves(data, model_type):
    """Gate and up projections of a tensor that has both."""
    if model_type != "gpt_oss":
        half = data.shape[-2] // 2
        return data[..., :half, :], data[..., half:, :]
    if data.ndim == 3:
        data = data.swapaxes(1, 2)
    return data[:, ::2], data[:, 1::2]


def tensors_of(model, architecture, names):
    config = model.config
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        data = tensor.float().numpy()
        block = re.sub(r"^(?:model\.layers|transformer\.blocks)\.(\d+)\..*", r"blk.\1.", name)
        if architecture in PERMUTED and "q_proj" in name:
            data = neighbours(data, config.num_attention_heads)
        if architecture in PERMUTED and "k_proj" in name:
            data = neighbours(data, config.num_key_value_heads)
        kind = "bias" if name.endswith("bias") else "weight"
        if ".experts.gate_up_proj" in name:
            gate, up = halves(data, config.model_type)
            yield f"{block}ffn_gate_exps.{kind}", gate
            yield f"{block}ffn_up_exps.{kind}", up
        elif ".experts.down_proj" in name:
            yield f"{block}ffn_down_exps.{kind}", data.swapaxes(1, 2) if config.model_type == "gpt_oss" and kind == "weight" else data
        elif "shared_mlp.input_linear" in name:
            gate, up = halves(data, config.model_type)
            yield f"{block}ffn_gate_shexp.weight", gate
            yield f"{block}ffn_up_shexp.weight", up
        elif architecture == "deepseek2" and name.endswith("kv_b_proj.weight") and is_split(config):
            keys = config.qk_nope_head_dim
            heads = data.reshape(config.num_attention_heads, keys + config.v_head_dim, config.kv_lora_rank)
            yield f"{block}attn_k_b.weight", heads[:, :keys].swapaxes(1, 2)
            yield f"{block}attn_v_b.weight", heads[:, keys:]
        elif ".experts.mlp." in name:
            data = data.reshape(stacked(config))
            yield names.get_name(name) + ".weight", data.swapaxes(1, 2) if name.endswith("w2") else data
        else:
            for new, hub in HUB_NAMES:
                if name.endswith(new):
                    name = name[: -len(new)] + hub
                    break
            yield names.get_name(name, try_suffixes=(".weight", ".bias")), data.squeeze() if data.ndim > 1 else data


def write_rope(writer, config):
    rope = config.rope_parameters
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        if rope.get("beta_fast") is not None:
            writer.add_rope_scaling_yarn_beta_fast(rope["beta_fast"])
        if rope.get("beta_slow") is not None:
            writer.add_rope_scaling_yarn_beta_slow(rope["beta_slow"])
        if rope.get("mscale_all_dim") is not None:
            writer.add_rope_scaling_yarn_log_mul(0.1 * rope["mscale_all_dim"])


#: attribute of a config -> the writer's method; as the converter writes them where they are there
KEYS = {
    "intermediate_size": "add_feed_forward_length", "rms_norm_eps": "add_layer_norm_rms_eps", "norm_eps": "add_layer_norm_rms_eps",
    "num_local_experts": "add_expert_count", "num_experts": "add_expert_count", "n_routed_experts": "add_expert_count",
    "num_experts_per_tok": "add_expert_used_count", "moe_intermediate_size": "add_expert_feed_forward_length",
    "shared_expert_intermediate_size": "add_expert_shared_feed_forward_length", "clip_qkv": "add_clamp_kqv",
}
SIGMOID = gguf.ExpertGatingFuncType.SIGMOID


def sigmoid_experts(w, c, shared):
    w.add_leading_dense_block_count(c.first_k_dense_replace)
    w.add_expert_shared_count(shared)
    w.add_expert_weights_scale(c.routed_scaling_factor)
    w.add_expert_weights_norm(c.norm_topk_prob)
    w.add_expert_group_count(c.n_group)
    w.add_expert_group_used_count(c.topk_group)


def granite(w, c):
    w.add_attention_scale(c.attention_multiplier)
    w.add_embedding_scale(c.embedding_multiplier)
    w.add_residual_scale(c.residual_multiplier)
    w.add_logit_scale(c.logits_scaling)
    w.add_expert_shared_feed_forward_length(c.shared_intermediate_size)


def gpt_oss(w, c):
    w.add_sliding_window(c.sliding_window)
    w.add_expert_feed_forward_length(c.intermediate_size)


def latent(w, c):
    w.add_q_lora_rank(c.q_lora_rank)
    w.add_kv_lora_rank(c.kv_lora_rank)
    w.add_key_length(c.kv_lora_rank + c.qk_rope_head_dim if is_split(c) else c.qk_nope_head_dim + c.qk_rope_head_dim)
    w.add_value_length(c.kv_lora_rank if is_split(c) else c.v_head_dim)
    if is_split(c):
        w.add_key_length_mla(c.qk_nope_head_dim + c.qk_rope_head_dim)
        w.add_value_length_mla(c.v_head_dim)
    w.add_rope_dimension_count(c.qk_rope_head_dim)


def deepseek_v2(w, c):
    latent(w, c)
    w.add_leading_dense_block_count(c.first_k_dense_replace)
    w.add_expert_shared_count(c.n_shared_experts)
    w.add_expert_weights_scale(c.routed_scaling_factor)
    w.add_expert_gating_func(gguf.ExpertGatingFuncType.SOFTMAX)


def deepseek_v3(w, c):
    latent(w, c)
    sigmoid_experts(w, c, c.n_shared_experts)
    w.add_expert_gating_func(SIGMOID)


def glm4_moe(w, c):
    sigmoid_experts(w, c, c.n_shared_experts)
    w.add_expert_gating_func(SIGMOID)
    w.add_rope_dimension_count(int(c.head_dim * c.rope_parameters["partial_rotary_factor"]))


def dots1(w, c):
    sigmoid_experts(w, c, c.n_shared_experts)
    w.add_rope_dimension_count(c.head_dim)


def exaone_moe(w, c):
    sigmoid_experts(w, c, c.num_shared_experts)
    w.add_expert_shared_feed_forward_length(c.moe_intermediate_size * c.num_shared_experts)
    w.add_sliding_window(c.sliding_window)
    w.add_sliding_window_pattern([kind == "sliding_attention" for kind in c.layer_types])
    w.add_nextn_predict_layers(1)
    w.add_rope_scaling_type(gguf.RopeScalingType.NONE)


def minimax_m2(w, c):
    w.add_expert_gating_func(SIGMOID)
    w.add_expert_feed_forward_length(c.intermediate_size)
    w.add_rope_dimension_count(int(c.head_dim * c.rope_parameters["partial_rotary_factor"]))


def lfm2_moe(w, c):
    w.add_leading_dense_block_count(c.num_dense_layers)
    w.add_expert_gating_func(SIGMOID)
    w.add_shortconv_l_cache(c.conv_L_cache)


def ernie4_5_moe(w, c):
    w.add_expert_count(c.moe_num_experts)
    w.add_expert_used_count(c.moe_k)
    w.add_interleave_moe_layer_step(c.moe_layer_interval)
    w.add_leading_dense_block_count(c.moe_layer_start_index)
    w.add_expert_shared_count(c.moe_num_shared_experts)
    w.add_expert_shared_feed_forward_length(c.intermediate_size // c.num_key_value_heads)


def hunyuan(w, c):
    w.add_expert_shared_feed_forward_length(c.intermediate_size)
    w.add_expert_feed_forward_length(c.intermediate_size)
    w.add_expert_used_count(c.moe_topk)
    w.add_expert_shared_count(1)
    w.add_rope_scaling_type(gguf.RopeScalingType.NONE)
    w.add_rope_scaling_factor(1)


def dbrx(w, c):
    w.add_feed_forward_length(c.ffn_config.ffn_hidden_size)
    w.add_head_count_kv(c.attn_config.kv_n_heads)
    w.add_clamp_kqv(c.attn_config.clip_qkv)
    w.add_expert_count(c.ffn_config.moe_num_experts)
    w.add_expert_used_count(c.ffn_config.moe_top_k)
    w.add_layer_norm_eps(1e-5)


#: what the converter of a type writes beside
EXTRAS = {
    "granitemoeshared": granite, "gpt_oss": gpt_oss, "gpt_oss_mxfp4": gpt_oss, "deepseek_v2": deepseek_v2, "deepseek_v3": deepseek_v3, "deepseek_v2_split": deepseek_v2, "deepseek_v3_q8_0": deepseek_v3, "glm4_moe": glm4_moe,
    "dots1": dots1, "exaone_moe": exaone_moe, "minimax_m2": minimax_m2, "lfm2_moe": lfm2_moe, "ernie4_5_moe": ernie4_5_moe,
    "hunyuan_v1_moe": hunyuan, "dbrx": dbrx,
}


def groups_of(config):
    """Heads of keys and values: one number, or one a layer where some have none."""
    if config.model_type == "lfm2_moe":
        return [config.num_key_value_heads if kind == "full_attention" else 0 for kind in config.layer_types]
    return config.num_key_value_heads


def write_metadata(writer, name, config):
    attribute = lambda key: getattr(config, key, None)
    layers = config.num_hidden_layers + (1 if name == "exaone_moe" else 0)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_vocab_size(config.vocab_size)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(layers)
    writer.add_head_count(config.num_attention_heads)
    if name != "dbrx":
        writer.add_head_count_kv(groups_of(config))
    written = set()
    for key, method in KEYS.items():
        if attribute(key) is not None and method not in written:
            getattr(writer, method)(attribute(key))
            written.add(method)
    write_rope(writer, config)
    head = attribute("head_dim") or config.hidden_size // config.num_attention_heads
    if name in EXTRAS:
        EXTRAS[name](writer, config)
    else:
        writer.add_rope_dimension_count(head)
    if attribute("head_dim") and not name.startswith("deepseek"):
        writer.add_key_length(head)
        writer.add_value_length(head)
    writer.add_token_list([f"<{token}>" for token in range(config.vocab_size)])


def further_block(model):
    """A block behind the last layer, which predicts further tokens: the logits do not depend on it."""
    layers = model.config.num_hidden_layers
    return {f"blk.{layers}.nextn.enorm.weight": np.ones(16, np.float32), f"blk.{layers}.attn_norm.weight": np.ones(16, np.float32)}


def round_to_mxfp4(model):
    """Gives the experts of gpt-oss values that MXFP4 has, along the axis of their inputs."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("experts.gate_up_proj", "experts.down_proj")):
                rows = np.ascontiguousarray(parameter.float().numpy().swapaxes(1, 2))
                exact = dequantize(quantize(rows, Type.MXFP4), Type.MXFP4)
                parameter.copy_(torch.from_numpy(exact.swapaxes(1, 2).copy()))


def round_to_q8_0(model):
    """Gives keys and values of latent attention numbers that Q8_0 has: keys along the channels of a head, values along the latent."""
    config = model.config
    keys = config.qk_nope_head_dim
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("kv_b_proj.weight"):
                heads = parameter.float().numpy().reshape(config.num_attention_heads, -1, config.kv_lora_rank).copy()
                turned = np.ascontiguousarray(heads[:, :keys].swapaxes(1, 2))
                heads[:, :keys] = dequantize(quantize(turned, Type.Q8_0), Type.Q8_0).swapaxes(1, 2)
                values = np.ascontiguousarray(heads[:, keys:])
                heads[:, keys:] = dequantize(quantize(values, Type.Q8_0), Type.Q8_0)
                parameter.copy_(torch.from_numpy(heads.reshape(parameter.shape)))


def rope_factors(rope, half):
    """What llama3's scaling divides each frequency by, which files have as a tensor and not as metadata."""
    low, high, context = rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]
    turns = context / (2 * np.pi) * rope["rope_theta"] ** (-np.arange(half) / half)
    share = np.clip((turns - low) / (high - low), 0, 1)
    return (1 / ((1 - share) / rope["factor"] + share)).astype(np.float32)


def make(name, out, seed):
    architecture, settings = MODELS[name]
    model = model_of({"model_type": name, "max_position_embeddings": 64, **settings}, seed)
    if name == "gpt_oss_mxfp4":
        round_to_mxfp4(model)
    if name == "deepseek_v3_q8_0":
        round_to_q8_0(model)
    writer = gguf.GGUFWriter(out / f"{name}.gguf", architecture)
    write_metadata(writer, name, model.config)
    known = next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == architecture)
    names = gguf.get_tensor_name_map(known, 8)
    tensors = list(tensors_of(model, architecture, names))
    if name == "exaone_moe":
        tensors += further_block(model).items()
    if model.config.rope_parameters.get("rope_type") == "llama3":
        tensors += [("rope_freqs.weight", rope_factors(model.config.rope_parameters, model.config.head_dim // 2))]
    for tensor, data in tensors:
        # norms and biases stay f32; matrices are exact in bf16
        if data.ndim == 1 or tensor.endswith(".bias"):
            writer.add_tensor(tensor, np.ascontiguousarray(data))
        elif name == "gpt_oss_mxfp4" and "_exps." in tensor:
            writer.add_tensor(tensor, quantize(np.ascontiguousarray(data), Type.MXFP4), raw_dtype=Type.MXFP4)
        elif name == "deepseek_v3_q8_0" and tensor.endswith(("attn_k_b.weight", "attn_v_b.weight")):
            writer.add_tensor(tensor, quantize(np.ascontiguousarray(data), Type.Q8_0), raw_dtype=Type.Q8_0)
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
