"""The layer in PyTorch on the processor: the usual loop over experts. Speaks the protocol of `serve.ts`."""

import ctypes
import json
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


def read(name, *shape):
    with open(os.path.join(folder, name + ".f32"), "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.float32).reshape(shape)


def write(name, tensor):
    flat = tensor.contiguous()
    with open(os.path.join(folder, name + ".f32"), "wb") as file:
        file.write(ctypes.string_at(flat.data_ptr(), flat.numel() * 4))


with open(os.path.join(folder, "problem.json")) as file:
    problem = json.load(file)
size = problem["size"]
experts, k, width, hidden = (size[name] for name in ("experts", "k", "width", "hidden"))
router = read("router", experts, width)
gate = read("gate", experts, hidden, width)
up = read("up", experts, hidden, width)
down = read("down", experts, width, hidden)
inputs = {tokens: read(f"x-{tokens}", tokens, width) for tokens in problem["tokens"]}


def layer(x):
    values, ids = (x @ router.T).topk(k, dim=-1)
    shares = values.softmax(-1)
    y = torch.zeros_like(x)
    for expert in range(experts):
        token, place = torch.where(ids == expert)
        if token.numel() == 0:
            continue
        rows = x[token]
        hidden_rows = F.silu(rows @ gate[expert].T) * (rows @ up[expert].T)
        y.index_add_(0, token, (hidden_rows @ down[expert].T) * shares[token, place, None])
    return y


def milliseconds(x):
    start = time.perf_counter()
    layer(x)
    return (time.perf_counter() - start) * 1000


with torch.inference_mode():
    detail = f"CPU, {torch.get_num_threads()} threads, a loop over the experts"
    reply({"kind": "ready", "version": torch.__version__, "detail": detail})
    for line in sys.stdin:
        request = json.loads(line)
        if request["kind"] == "close":
            break
        tokens = request["tokens"]
        if request["kind"] == "check":
            write(f"y-{tokens}", layer(inputs[tokens]))
            reply({"kind": "checked"})
        else:
            reply({"kind": "ran", "times": [milliseconds(inputs[tokens]) for _ in range(request["runs"])]})
