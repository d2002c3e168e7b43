"""Makes a tiny random checkpoint of nomic_bert with experts, a model that transformers does not have, with reference outputs.

usage: nomic.py OUT [--change JSON]
needs: torch, safetensors

OUT/nomic_bert gets config.json, model.safetensors and reference.safetensors: input_ids i32 [B, S] and hidden f32 [B, S, D],
computed in float64 and rounded once. Written from the published description: token types are all the first one, queries, keys and
values are one projection, every position sees all others, norms follow the sums, gelu is exact. In the second of every
`moe_every_n_layers` layers a token goes to the `moe_top_k` most probable experts, weighed by their probabilities as they are, and
one bias is added to their sum. Weights are exact in bfloat16.
"""

import argparse
import json
import pathlib

import torch
from safetensors.torch import save_file
from torch.nn.functional import gelu, layer_norm, linear

CONFIG = {
    "architectures": ["NomicBertModel"], "model_type": "nomic_bert", "activation_function": "gelu", "add_pooling_layer": False,
    "attn_pdrop": 0.0, "bos_token_id": None, "causal": False, "dense_seq_output": True, "embd_pdrop": 0.1, "eos_token_id": None,
    "expert_choice_router": False, "ffn_div": 1, "fused_bias_fc": True, "fused_dropout_add_ln": True, "initializer_range": 0.02,
    "layer_norm_epsilon": 1e-05, "max_trained_positions": 64, "mlp_fc1_bias": True, "mlp_fc2_bias": True, "moe_every_n_layers": 2,
    "moe_impl": "megablocks", "moe_normalize_expert_weights": False, "moe_resid_pdrop": 0.0, "moe_top_k": 2, "n_embd": 16,
    "n_head": 4, "n_inner": 12, "n_layer": 4, "n_positions": 64, "num_experts": 4, "num_shared_experts": 0, "pad_token_id": 1,
    "pad_vocab_to_multiple_of": 8, "parallel_block": False, "parallel_block_tied_norm": False, "prenorm": False,
    "qkv_proj_bias": True, "reorder_and_upcast_attn": False, "resid_pdrop": 0.0, "rotary_emb_base": 10000,
    "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False, "rotary_emb_scale_base": None, "rotary_scaling_factor": None,
    "router_aux_loss_coef": 0.1, "scale_attn_by_inverse_layer_idx": False, "scale_attn_weights": True, "summary_type": "cls_index",
    "torch_dtype": "float32", "type_vocab_size": 1, "use_cache": True, "use_flash_attn": True, "use_rms_norm": None,
    "use_xentropy": True, "vocab_size": 40,
}  # fmt: skip
TOKENS = (2, 12)


def has_experts(config, i):
    return config["moe_every_n_layers"] > 0 and i % config["moe_every_n_layers"] == 1


def weights_of(config, seed):
    """Matrices by their fan-in, norms around 1, biases around 0."""
    generator = torch.Generator().manual_seed(seed)
    width, inner, experts = config["n_embd"], config["n_inner"], config["num_experts"]

    def draw(*shape, mean=0.0):
        deviation = 0.2 if len(shape) == 1 else (2.0 / shape[-1]) ** 0.5
        return (torch.randn(shape, generator=generator) * deviation + mean).to(torch.bfloat16)

    def norm(name):
        return {f"{name}.weight": draw(width, mean=1.0), f"{name}.bias": draw(width)}

    def projection(name, out, into, biased=True):
        return {f"{name}.weight": draw(out, into), **({f"{name}.bias": draw(out)} if biased else {})}

    weights = {
        "embeddings.word_embeddings.weight": draw(config["vocab_size"], width),
        "embeddings.token_type_embeddings.weight": draw(config["type_vocab_size"], width),
        **norm("emb_ln"),
    }
    for i in range(config["n_layer"]):
        layer, biased = f"encoder.layers.{i}", config["qkv_proj_bias"]
        weights |= projection(f"{layer}.attn.Wqkv", 3 * width, width, biased)
        weights |= projection(f"{layer}.attn.out_proj", width, width, biased)
        weights |= norm(f"{layer}.norm1") | norm(f"{layer}.norm2")
        if has_experts(config, i):
            weights[f"{layer}.mlp.router.layer.weight"] = draw(experts, width)
            weights |= {f"{layer}.mlp.experts.mlp.{name}": draw(experts * inner, width) for name in ("w1", "w2")}
            weights[f"{layer}.mlp.experts.bias"] = draw(width)
        else:
            weights |= projection(f"{layer}.mlp.fc1", inner, width) | projection(f"{layer}.mlp.fc2", width, inner)
    return weights


def rotated(h, base):
    """Each head [B, S, H, C] turned by its position, in two halves."""
    length, size = h.shape[1], h.shape[3]
    frequency = base ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    angle = torch.outer(torch.arange(length, dtype=torch.float64), frequency)[None, :, None]
    left, right = h.chunk(2, -1)
    return torch.cat([left * angle.cos() - right * angle.sin(), right * angle.cos() + left * angle.sin()], -1)


def hidden_of(config, weights, ids):
    w = {name: tensor.double() for name, tensor in weights.items()}
    heads, width = config["n_head"], config["n_embd"]

    def dense(h, name):
        return linear(h, w[f"{name}.weight"], w.get(f"{name}.bias"))

    def normed(h, name):
        return layer_norm(h, (width,), w[f"{name}.weight"], w[f"{name}.bias"], config["layer_norm_epsilon"])

    def attention(h, layer):
        q, k, v = (part.unflatten(-1, (heads, -1)) for part in dense(h, f"{layer}.attn.Wqkv").chunk(3, -1))
        q, k = rotated(q, config["rotary_emb_base"]), rotated(k, config["rotary_emb_base"])
        shares = (torch.einsum("bshc,bthc->bhst", q, k) / (width // heads) ** 0.5).softmax(-1)
        return dense(torch.einsum("bhst,bthc->bshc", shares, v).flatten(2), f"{layer}.attn.out_proj")

    def experts(h, layer):
        shares, chosen = linear(h, w[f"{layer}.mlp.router.layer.weight"]).softmax(-1).topk(config["moe_top_k"], -1)
        if config["moe_normalize_expert_weights"]:
            shares = shares / shares.sum(-1, keepdim=True)
        up, down = (w[f"{layer}.mlp.experts.mlp.{name}"].unflatten(0, (config["num_experts"], -1)) for name in ("w1", "w2"))
        answers = torch.einsum("bsef,efd->bsed", gelu(torch.einsum("bsd,efd->bsef", h, up)), down)
        picked = answers.gather(2, chosen[..., None].expand(*chosen.shape, width))
        return (picked * shares[..., None]).sum(2) + w[f"{layer}.mlp.experts.bias"]

    h = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.token_type_embeddings.weight"][0]
    h = normed(h, "emb_ln")
    for i in range(config["n_layer"]):
        layer = f"encoder.layers.{i}"
        h = normed(h + attention(h, layer), f"{layer}.norm1")
        answer = experts(h, layer) if has_experts(config, i) else dense(gelu(dense(h, f"{layer}.mlp.fc1")), f"{layer}.mlp.fc2")
        h = normed(h + answer, f"{layer}.norm2")
    return h.float()


def make_nomic(folder, config, seed):
    """Config, weights and reference outputs in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = weights_of(config, seed)
    ids = torch.randint(0, config["vocab_size"], TOKENS, generator=torch.Generator().manual_seed(seed + 1))
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file(weights, folder / "model.safetensors")
    save_file({"input_ids": ids.int(), "hidden": hidden_of(config, weights, ids)}, folder / "reference.safetensors")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--change", type=json.loads, default={})
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    make_nomic(arguments.out / "nomic_bert", {**CONFIG, **arguments.change}, arguments.seed)
