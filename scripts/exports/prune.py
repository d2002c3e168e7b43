"""Computes the scores of `smoe prune` in torch, and the pruned model by cutting the original one in memory.

usage: prune.py CHECKPOINT TOKENS REPORT ...
needs: torch, transformers 5.18, safetensors

CHECKPOINT is the folder that was pruned, TOKENS the .safetensors file whose input_ids [N, S] it was pruned with, each REPORT what
`smoe prune --format json` printed. Inputs, choices and weights of each layer are those that transformers gives its experts; what
an expert answers is computed here, token by token. A line for each report: the largest difference of scores, as a share of the
largest score of the layer, whether the same experts go, and the largest difference between logits of the pruned folder and those
of the original model without these experts; of a spec, which transformers does not load, the difference between both losses on
the tokens. Ends with 1 where scores or losses differ by more than 1e-5, experts differ, or logits do by more than 2e-6.
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
    "frequency": (1, 0, 0, 0),
    "mass": (1, 1, 0, 0),
    "ean": (1, 0, 1, 0),
    "reap": (0, 1, 1, 0),
    "man": (0, 0, 1, 0),
    "msan": (0, 0, 2, 0),
    "easy-ep": (1, 1, 1, 1),
}

# of the spectral criterion: the weight of the second router, and the singular vectors of a matrix that it is made of
ALPHA, TOP_C = 0.5, 50


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


def see(model, ids, hooks):
    """Runs the model on each row of ids with pre-hooks: pairs of a module and a function of it and its arguments."""

    def pre_hook(look):
        return lambda module, arguments, named: look(module, [*arguments, *named.values()])

    handles = [one.register_forward_pre_hook(pre_hook(look), with_kwargs=True) for one, look in hooks]
    with torch.no_grad():
        for row in ids:
            model(input_ids=row[None], use_cache=False)
    for one in handles:
        one.remove()


def measured(model, ids, powers):
    """By layer: count^a times the mean over routed tokens of g^b |f|^c s^d."""
    a, b, c, d = powers
    layers = expert_layers(model)
    sums = {name: torch.zeros(2, one.gate_up_proj.shape[0], dtype=torch.float64) for name, one in layers}
    before, factor = {}, getattr(model.config, "residual_multiplier", 1.0)

    def keep(name):
        return lambda _, arguments: before.update({name: arguments[0].reshape(-1, arguments[0].shape[-1])})

    def add(name):
        def look(module, arguments):
            hidden, index, weights = arguments
            for t, (x, chosen, gates) in enumerate(zip(hidden.reshape(-1, hidden.shape[-1]), index, weights)):
                answers = [answer(module, e, x) for e in chosen.tolist()]
                routed = sum(g * f for g, f in zip(gates, answers))
                h = before[name][t]
                s = 1 - torch.nn.functional.cosine_similarity(h, h + factor * routed, dim=0)
                for e, g, f in zip(chosen.tolist(), gates, answers):
                    sums[name][0, e] += 1
                    sums[name][1, e] += g**b * f.norm() ** c * s**d

        return look

    # the hidden state is what the norm before the experts is given
    norms = [(model.get_submodule(name.rsplit(".", 2)[0]).post_attention_layernorm, keep(name)) for name, _ in layers]
    see(model, ids, [*norms, *((one, add(name)) for name, one in layers)])
    return [torch.where(count > 0, count**a * total / count.clamp(min=1), 0) for count, total in sums.values()]


def directions(experts, gate):
    """W_EV of arXiv:2605.30992: the mean over matrices of the singular vectors that are most alike the router's row."""

    def likest(matrix, row):
        vectors = torch.linalg.svd(matrix, full_matrices=False).Vh
        dots = vectors @ row
        best = dots.abs().topk(min(TOP_C, len(dots))).indices
        return (dots[best].sign()[:, None] * vectors[best]).mean(0)

    def row(e):
        first, up = experts.gate_up_proj[e].chunk(2)
        return sum(likest(one, gate[e]) for one in (first, up, experts.down_proj[e].T)) / 3

    return torch.stack([row(e) for e in range(len(gate))])


def spectral(model, ids):
    """By layer: the mean over tokens of the blended probability."""
    layers = expert_layers(model)
    blocks = {name: model.get_submodule(name.rsplit(".", 1)[0]) for name, _ in layers}
    gates = {name: next(p for n, p in block.named_parameters() if p.dim() == 2 and "expert" not in n) for name, block in blocks.items()}
    made = {name: directions(one, gates[name].detach()) for name, one in layers}
    totals, count = {name: 0.0 for name in blocks}, ids.numel()

    def look(name):
        def add(_, arguments):
            x = arguments[0].reshape(-1, arguments[0].shape[-1])
            own, old = (torch.softmax(x @ rows.T, dim=-1) for rows in (made[name], gates[name]))
            totals[name] = totals[name] + (ALPHA * own + (1 - ALPHA) * old).sum(0)

        return add

    see(model, ids, [(block, look(name)) for name, block in blocks.items()])
    return [total / count for total in totals.values()]


def scored(model, ids, by):
    if by == "aimer":
        return [aimer(one) for _, one in expert_layers(model)]
    return spectral(model, ids) if by == "spectral" else measured(model, ids, POWERS[by])


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
    scores = scored(model, ids, by)
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
    if report["spec"] is None:
        with torch.no_grad():
            found = load(report["export"]["to"])(input_ids=ids, use_cache=False).logits
        logits = ((found - wanted).abs().max() / wanted.abs().max()).item()
        is_right, told = logits <= 2e-6, f"logits {logits:.1e}"
    else:
        loss = torch.nn.functional.cross_entropy(wanted[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).item()
        difference = abs(report["evaluation"]["after"]["loss"] - loss)
        is_right, told = difference <= 1e-5, f"loss {loss:.6f}, apart {difference:.1e}"
    is_right &= error <= 1e-5 and is_same
    said = f"scores {error:.1e}  {'the same experts' if is_same else 'OTHER experts'}  {told}"
    return is_right, f"{by:12s} {'right' if is_right else 'WRONG'}  {said}"


if __name__ == "__main__":
    checkpoint, tokens, *reports = sys.argv[1:]
    ids = load_file(tokens)["input_ids"].long()
    results = [check(checkpoint, ids, json.load(open(one))) for one in reports]
    for _, line in results:
        print(f"{checkpoint.rstrip('/').rsplit('/', 1)[-1]:16s} {line}")
    sys.exit(0 if all(right for right, _ in results) else 1)
