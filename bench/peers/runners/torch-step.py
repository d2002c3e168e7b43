"""A training step of examples/11-train-a-small-model.smoe in PyTorch on the processor. Speaks the protocol of `serve.ts`."""

import json
import math
import os
import sys
import time

folder = sys.argv[1]
replies = os.fdopen(3, "w")


def reply(value):
    replies.write(json.dumps(value) + "\n")
    replies.flush()


try:
    import torch
    import torch.nn.functional as F
except ImportError as problem:
    reply({"kind": "absent", "reason": str(problem)})
    sys.exit(0)

with open(os.path.join(folder, "problem.json")) as file:
    problem = json.load(file)
recipe = problem["recipe"]
optimiser, clip = recipe["optimiser"], recipe["clip"]
heads, k, layers = problem["heads"], problem["k"], problem["layers"]


def read(name, dtype, shape):
    with open(os.path.join(folder, name), "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=dtype).reshape(shape)


tokens, targets = (read(f"{name}.i32", torch.int32, problem["batch"]).long() for name in ("tokens", "targets"))
initial = {weight["name"]: read(f"{weight['name']}.f32", torch.float32, weight["shape"]) for weight in recipe["weights"]}
weights = {name: torch.nn.Parameter(value.clone()) for name, value in initial.items()}


def rms_norm(x, name):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-5) * weights[f"{name}.weight"]


def rope(x):
    """x: [B, H, S, C]; each pair is an element of the first half of a head and one of the second."""
    length, half = x.shape[2], x.shape[3] // 2
    frequency = 10000.0 ** (torch.arange(half) * (-1.0 / half))
    angle = torch.arange(length)[:, None] * frequency
    low, high = x[..., :half], x[..., half:]
    return torch.cat([low * angle.cos() - high * angle.sin(), high * angle.cos() + low * angle.sin()], -1)


def attention(x, name):
    size, length, width = x.shape
    query, key, value = (
        (x @ weights[f"{name}.{part}"].T).view(size, length, heads, width // heads).transpose(1, 2) for part in "qkv"
    )
    mixed = F.scaled_dot_product_attention(rope(query), rope(key), value, is_causal=True)
    return mixed.transpose(1, 2).reshape(size, length, width) @ weights[f"{name}.o"].T


def experts(x, ids, shares, name):
    y = torch.zeros_like(x)
    for expert in range(weights[f"{name}.gate"].shape[0]):
        token, place = torch.where(ids == expert)
        if token.numel() == 0:
            continue
        rows = x[token]
        gate, up, down = (weights[f"{name}.{part}"][expert] for part in ("gate", "up", "down"))
        y = y.index_add(0, token, ((F.silu(rows @ gate.T) * (rows @ up.T)) @ down.T) * shares[token, place, None])
    return y


def routed(x, name):
    """The layer outside of competition steps, with its two losses."""
    scores = x @ weights[f"{name}.router.gate"].T
    guess = scores.softmax(-1)
    values, ids = guess.topk(k, dim=-1)
    count = guess.shape[-1]
    chosen = F.one_hot(ids[:, 0], count).float().mean(0)
    balance = 0.01 * count * (chosen * guess.mean(0)).sum()
    z = 0.001 * scores.logsumexp(-1).square().mean()
    return experts(x, ids, values / values.sum(-1, keepdim=True), f"{name}.experts"), balance + z


def objective():
    h = weights["embed"][tokens]
    total = 0.0
    for layer in (f"layers.{index}" for index in range(layers)):
        h = h + attention(rms_norm(h, f"{layer}.attention_norm"), f"{layer}.attention")
        y, losses = routed(rms_norm(h, f"{layer}.moe_norm").flatten(0, 1), f"{layer}.moe")
        h = h + y.view_as(h)
        total = total + losses
    logits = rms_norm(h, "final_norm") @ weights["embed"].T
    return total + F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def create_optimiser(rate):
    groups = [
        {"params": [weights[weight["name"]]], "lr": rate * weight["rate"], "weight_decay": weight["decay"]}
        for weight in recipe["weights"]
    ]
    return torch.optim.AdamW(groups, betas=(optimiser["beta1"], optimiser["beta2"]), eps=optimiser["epsilon"])


def step(update):
    update.zero_grad(set_to_none=True)
    loss = objective()
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(weights.values(), math.inf if clip is None else clip)
    update.step()
    return loss.item(), norm.item()


def reset():
    with torch.no_grad():
        for name, value in initial.items():
            weights[name].copy_(value)


def milliseconds():
    start = time.perf_counter()
    step(timed)
    return (time.perf_counter() - start) * 1000


timed = create_optimiser(problem["timedRate"])
detail = f"torch {torch.__version__} on the CPU, {torch.get_num_threads()} threads, a loop over the experts"
reply({"kind": "ready", "version": torch.__version__, "detail": detail})
for line in sys.stdin:
    request = json.loads(line)
    if request["kind"] == "close":
        break
    if request["kind"] == "check":
        reset()
        checked = create_optimiser(optimiser["rate"])
        with open(os.path.join(folder, "steps.json"), "w") as file:
            json.dump([dict(zip(("loss", "norm"), step(checked))) for _ in range(problem["checkedSteps"])], file)
        reset()
        reply({"kind": "checked"})
    else:
        reply({"kind": "ran", "times": [milliseconds() for _ in range(request["runs"])]})
