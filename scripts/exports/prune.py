"""Computes the scores of `smoe prune` in torch, and the pruned model by cutting the original one in memory.

usage: prune.py CHECKPOINT TOKENS REPORT ...
needs: torch, transformers 5.18, safetensors

CHECKPOINT is the folder that was pruned, TOKENS the .safetensors file whose input_ids [N, S] it was pruned with, each REPORT what
`smoe prune --format json` printed. Inputs, choices and weights of each layer are those that transformers gives its experts; what
an expert answers is computed here, token by token. A line for each report: the largest difference of scores, as a share of the
largest score of the layer, whether the same experts go, and the largest difference between logits of the pruned folder and those
of the original model without these experts. Ends with 1 where scores differ by more than 1e-5, experts differ, or logits do by
more than 2e-6.
"""

import json
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()

POWERS = {
    "frequency": (1, 0, 0),
    "mass": (1, 1, 0),
    "ean": (1, 0, 1),
    "reap": (0, 1, 1),
    "man": (0, 0, 1),
    "msan": (0, 0, 2),
}


def load(folder):
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float64, attn_implementation="eager", experts_implementation="eager"
    ).eval()


def expert_layers(model):
    """Name of the layer and the module that holds its experts, in order."""
    return [(name, one) for name, one in model.named_modules() if hasattr(one, "gate_up_proj") and hasattr(one, "down_proj")]


def answer(experts, e, x):
    gate, up = (experts.gate_up_proj[e] @ x).chunk(2)
    return experts.down_proj[e] @ (torch.nn.functional.silu(gate) * up)


def aimer(experts):
    def score(e):
        entries = torch.cat([experts.gate_up_proj[e].flatten(), experts.down_proj[e].flatten()])
        return (entries.abs().mean() / entries.square().mean().sqrt()).item()

    return torch.tensor([score(e) for e in range(experts.gate_up_proj.shape[0])], dtype=torch.float64)


def measured(model, ids, powers):
    """By layer: count^a times the mean over routed tokens of g^b |f|^c."""
    a, b, c = powers
    layers = expert_layers(model)
    sums = {name: torch.zeros(2, one.gate_up_proj.shape[0], dtype=torch.float64) for name, one in layers}

    def hook(name):
        def see(module, arguments, named):
            hidden, index, weights = arguments if len(arguments) == 3 else (*arguments, *named.values())
            for x, chosen, gates in zip(hidden.reshape(-1, hidden.shape[-1]), index, weights):
                for e, g in zip(chosen.tolist(), gates):
                    sums[name][0, e] += 1
                    sums[name][1, e] += g**b * answer(module, e, x).norm() ** c

        return see

    hooks = [one.register_forward_pre_hook(hook(name), with_kwargs=True) for name, one in layers]
    with torch.no_grad():
        for row in ids:
            model(input_ids=row[None], use_cache=False)
    for one in hooks:
        one.remove()
    return [torch.where(count > 0, count**a * total / count.clamp(min=1), 0) for count, total in sums.values()]


def cut(model, kept):
    """Leaves the kept experts of each layer, in their weights and in their router's."""
    for (name, experts), stay in zip(expert_layers(model), kept):
        count = experts.gate_up_proj.shape[0]
        block = model.get_submodule(name.rsplit(".", 1)[0])
        for module in block.modules():
            for field, tensor in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
                if tensor.shape[0] == count and (module is experts or "gate" in field or field in ("weight", "e_score_correction_bias")):
                    is_router = module is experts or tensor.dim() == 1 or tensor.shape[-1] == model.config.hidden_size
                    if is_router:
                        tensor.data = tensor.data[stay].clone()
            for field in ("num_experts", "n_routed_experts", "num_local_experts"):
                if getattr(module, field, None) == count:
                    setattr(module, field, len(stay))


def check(checkpoint, ids, report):
    model = load(checkpoint)
    by = report["by"]
    layers = expert_layers(model)
    scores = [aimer(one) for _, one in layers] if by == "aimer" else measured(model, ids, POWERS[by])
    error, is_same = 0.0, True
    for found, layer in zip(scores, report["layers"], strict=True):
        said = torch.tensor(layer["scores"], dtype=torch.float64)
        error = max(error, ((said - found).abs().max() / found.abs().max()).item())
        # the worst first, of equals the later one
        worst = sorted(range(len(found)), key=lambda e: (found[e].item() * (-1 if by == "aimer" else 1), -e))
        is_same &= sorted(worst[: len(layer["removed"])]) == layer["removed"]
    cut(model, [layer["kept"] for layer in report["layers"]])
    with torch.no_grad():
        wanted = model(input_ids=ids, use_cache=False).logits
        found = load(report["export"]["to"])(input_ids=ids, use_cache=False).logits
    logits = ((found - wanted).abs().max() / wanted.abs().max()).item()
    is_right = error <= 1e-5 and is_same and logits <= 2e-6
    told = f"scores {error:.1e}  {'the same experts' if is_same else 'OTHER experts'}  logits {logits:.1e}"
    return is_right, f"{by:12s} {'right' if is_right else 'WRONG'}  {told}"


if __name__ == "__main__":
    checkpoint, tokens, *reports = sys.argv[1:]
    ids = load_file(tokens)["input_ids"].long()
    results = [check(checkpoint, ids, json.load(open(one))) for one in reports]
    for _, line in results:
        print(f"{checkpoint.rstrip('/').rsplit('/', 1)[-1]:16s} {line}")
    sys.exit(0 if all(right for right, _ in results) else 1)
