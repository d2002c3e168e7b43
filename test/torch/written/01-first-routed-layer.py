"""The model first, written by `smoe export --to torch`. The smallest language model with a mixture of experts."""

import math
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn


def top_k(x, k):
    """Indices of the k largest along the last axis, best first, ties to the lower index, NaN last: i32 [..., k]."""
    is_nan = torch.isnan(x)
    order = torch.argsort(x.masked_fill(is_nan, -math.inf), dim=-1, descending=True, stable=True)
    order = order.gather(-1, torch.argsort(is_nan.gather(-1, order).int(), dim=-1, stable=True))
    return order[..., :k].int()


def pick(x, ids):
    """Elements along the last axis: x [..., N], ids i32 [..., K] -> [..., K]."""
    return torch.gather(x, -1, ids.long())


WORD = 0xFFFFFFFF


def philox(key, counter):
    """
    Philox 4x32-10 (Salmon et al., 2011): two key words and four counter words, ints or int64 tensors, to four words of
    32 random bits.
    """

    def product(a, b):
        low = (a & 0xFFFF) * b
        high = (a >> 16) * b + (low >> 16)
        return (high >> 16) & WORD, ((high << 16) | (low & 0xFFFF)) & WORD

    (c0, c1, c2, c3), (k0, k1) = counter, (key[0] & WORD, key[1] & WORD)
    for _ in range(10):
        high0, low0 = product(0xD2511F53, c0)
        high1, low1 = product(0xCD9E8D57, c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return c0, c1, c2, c3


def name_hash(text, basis=0x811C9DC5):
    """FNV-1a over UTF-16 code units, 32 bits."""
    units = text.encode("utf-16-le")
    for low, high in zip(units[::2], units[1::2]):
        basis = ((basis ^ (low | high << 8)) * 0x01000193) & 0xFFFFFFFF
    return basis


@dataclass
class Step:
    """
    One forward pass. `mode` is "inference", "evaluation" (the losses and metrics of the train block are computed) or
    "training" (policies do what they say `when training`, random numbers are drawn, and policies add their losses).
    """

    mode: str = "inference"
    seed: int = 0
    #: unique to the micro-batch: step * accumulate + micro-batch
    draw: int = 0
    step: int = 0
    #: 0 at the first step, 1 at the last
    progress: float = 0.0
    #: the `when training` blocks with a rate that are active in this step, by name; None for all of them
    competing: object = None
    #: how experts lie on ranks; None where every rank has all of them
    parallel: object = None
    draws: dict = field(default_factory=dict)
    reports: dict = field(default_factory=dict)
    decisions: dict = field(default_factory=dict)

    @property
    def training(self):
        return self.mode == "training"

    def competes(self, name):
        """Whether a `when training` block with a rate is active."""
        return self.training and (self.competing is None or name in self.competing)

    def report(self, kind, path, name, value):
        """Adds a loss or a metric: a scalar tensor, or a number that changes from step to step."""
        value = value if torch.is_tensor(value) else torch.tensor(float(value))
        self.reports[".".join(part for part in (kind, path.replace("/", "."), name) if part)] = value

    def take_reports(self):
        """What was reported since the last call: a module returns it, so that hooks of FSDP see every loss."""
        reports, self.reports = self.reports, {}
        return reports

    def uniform(self, path, shape, device):
        """Numbers above 0 and below 1. Each draw of an instance has a stream of its own."""
        count = self.draws.get(path, 0)
        self.draws[path] = count + 1
        stream = name_hash(f"{path}#{count}") >> 1
        numbers = torch.arange((math.prod(shape) + 3) // 4, dtype=torch.int64, device=device)
        zeros = torch.zeros_like(numbers)
        words = torch.stack(philox((self.seed, stream), (numbers, zeros + self.draw, zeros, zeros)), -1)
        return (((words.flatten()[: math.prod(shape)] >> 9).double() + 0.5) * 2.0**-23).float().reshape(shape)

    def normal(self, path, shape, device):
        """Normal numbers of two uniform ones each (Box and Muller, 1958)."""
        first, second = self.uniform(path, shape, device), self.uniform(path, shape, device)
        return torch.sqrt(-2.0 * torch.log(first)) * torch.cos(2.0 * math.pi * second)

    def dropout(self, path, x, rate):
        """Sets a share of the elements to 0 in training and scales the others (Srivastava et al., 2014)."""
        if not self.training or rate == 0:
            return x
        return x * torch.where(self.uniform(path, tuple(x.shape), x.device) < rate, 0.0, 1.0 / (1.0 - rate))

    def noisy(self, path, x, deviation):
        """Adds normal noise in training."""
        if not self.training or (not torch.is_tensor(deviation) and deviation == 0):
            return x
        return x + deviation * self.normal(path, tuple(x.shape), x.device)


class Groups:
    """Rows sorted by expert: the number of rows of each, in the order of the experts."""

    def __init__(self, counts):
        self.counts = counts.tolist()
        self.offsets = torch.cumsum(counts, 0, dtype=torch.int32)
        self.expert = torch.repeat_interleave(torch.arange(len(self.counts), device=counts.device), counts)


def has_grouped_mm(x, w):
    """
    Whether torch multiplies all groups in one call: it has grouped_mm, rows are of whole 16 bytes, and on CUDA numbers are
    bfloat16. Elsewhere there is one product for each expert.
    """
    aligned = all(size * x.element_size() % 16 == 0 for size in w.shape[1:])
    return hasattr(F, "grouped_mm") and aligned and len(x) > 0 and (not x.is_cuda or x.dtype == torch.bfloat16)


def grouped_linear(x, w, groups):
    """y[n] = w[expert of row n] @ x[n], for rows sorted by expert: x [N, D], w [E, F, D] -> [N, F]."""
    if has_grouped_mm(x, w):
        y = F.grouped_mm(x.contiguous(), w.mT, offs=groups.offsets)
        if y.requires_grad:
            y.register_hook(lambda gradient: gradient.contiguous())
        return y
    return torch.cat([rows @ one.T for rows, one in zip(x.split(groups.counts), w)])


@dataclass
class Routing:
    """
    What a policy decides: experts i32 [T, K] and their weights [T, K]; `keep` bool [T, K] is false for a dropped assignment,
    None where none is; `scores` [T, E] where the layer needs them; `dense` [T, E, D] where all experts were evaluated;
    `spilled` [T] is the weight of overflow that goes to the shared experts.
    """

    selected: torch.Tensor
    weights: torch.Tensor
    keep: torch.Tensor = None
    scores: torch.Tensor = None
    dense: torch.Tensor = None
    spilled: torch.Tensor = None


def run_experts(experts, rows, expert, count, step):
    """Outputs of the rows [N, D], each of its own expert [N] of `count`, in their order: [N, D]."""
    order = torch.argsort(expert, stable=True)
    counts = torch.bincount(expert, minlength=count)
    if step.parallel is None:
        outputs = experts(rows[order], Groups(counts))
    else:
        outputs = step.parallel.run(experts, rows[order], counts)
    return torch.zeros_like(outputs).index_copy(0, order, outputs)


def mixture(experts, x, routing, count, step):
    """The weighted sum of the outputs of each token's experts, over the assignments that are kept: x [T, D] -> [T, D]."""
    selected, weights = routing.selected.long(), routing.weights
    if routing.dense is not None:
        outputs = routing.dense.gather(1, selected.unsqueeze(-1).expand(-1, -1, routing.dense.shape[-1]))
    elif routing.keep is None:
        rows = x.repeat_interleave(selected.shape[1], 0)
        outputs = run_experts(experts, rows, selected.flatten(), count, step).reshape(*selected.shape, -1)
    else:
        kept = routing.keep.flatten().nonzero().squeeze(1)
        some = run_experts(experts, x[kept // selected.shape[1]], selected.flatten()[kept], count, step)
        outputs = some.new_zeros(selected.numel(), some.shape[-1]).index_copy(0, kept, some).reshape(*selected.shape, -1)
    if routing.keep is not None:
        weights = torch.where(routing.keep, weights, 0.0)
        outputs = torch.where(routing.keep.unsqueeze(-1), outputs, 0.0)
    return (outputs * weights.unsqueeze(-1)).sum(1)


def decide(step, path, routing, count):
    """Notes a decision of a layer: how many assignments of each expert are kept, [E]."""
    kept = routing.selected if routing.keep is None else routing.selected[routing.keep]
    step.decisions[path] = torch.bincount(kept.flatten().long(), minlength=count).detach()


class AllToAll(torch.autograd.Function):
    """Rows to their ranks; gradients travel the other way."""

    @staticmethod
    def forward(ctx, rows, sent, received, group):
        ctx.sent, ctx.received, ctx.group = sent, received, group
        out = rows.new_empty(sum(received), rows.shape[1])
        dist.all_to_all_single(out, rows.contiguous(), received, sent, group=group)
        return out

    @staticmethod
    def backward(ctx, gradient):
        out = gradient.new_empty(sum(ctx.sent), gradient.shape[1])
        dist.all_to_all_single(out, gradient.contiguous(), ctx.sent, ctx.received, group=ctx.group)
        return out, None, None, None


class ExpertParallel:
    """Experts 0 .. E / W - 1 lie on the first of W ranks, and so on; tokens travel to them and back (Lepikhin et al., 2021)."""

    def __init__(self, group=None):
        self.group, self.size, self.rank = group, dist.get_world_size(group), dist.get_rank(group)

    def shard(self, experts):
        """Leaves this rank's experts in the weights of a bank."""
        for name, weight in list(experts.named_parameters(recurse=False)):
            if weight.shape[0] % self.size != 0:
                raise ValueError(f"{weight.shape[0]} experts do not divide among {self.size} ranks")
            setattr(experts, name, nn.Parameter(weight.detach().chunk(self.size)[self.rank].clone()))

    def gather(self, weight):
        """A weight of all experts from those of the ranks."""
        parts = [torch.empty_like(weight) for _ in range(self.size)]
        dist.all_gather(parts, weight.detach().contiguous(), group=self.group)
        return torch.cat(parts)

    def run(self, experts, rows, counts):
        """Outputs of rows that are sorted by expert, `counts` of each [E], in the same order."""
        incoming = torch.empty_like(counts)
        dist.all_to_all_single(incoming, counts, group=self.group)
        sent, received = counts.reshape(self.size, -1).sum(1).tolist(), incoming.reshape(self.size, -1).sum(1).tolist()
        local = len(counts) // self.size
        expert = torch.repeat_interleave(torch.arange(local, device=rows.device).repeat(self.size), incoming)
        order = torch.argsort(expert, stable=True)
        arrived = AllToAll.apply(rows, sent, received, self.group)
        outputs = experts(arrived[order], Groups(torch.bincount(expert, minlength=local)))
        back = torch.zeros_like(outputs).index_copy(0, order, outputs)
        return AllToAll.apply(back, received, sent, self.group)


def silu(x):
    """x * sigmoid(x), also called swish. Elfwing et al., 2017; Ramachandran et al., 2017."""
    return x * torch.sigmoid(x)


class Swiglu(nn.Module):
    """A bank of experts. SwiGLU: an up projection gated by silu of a second one, and a down projection. Shazeer,
    2020.
    """

    def __init__(self):
        super().__init__()
        self.gate = nn.Parameter(torch.empty(8, 32, 16))
        self.up = nn.Parameter(torch.empty(8, 32, 16))
        self.down = nn.Parameter(torch.empty(8, 16, 32))

    def forward(self, x, groups):
        return grouped_linear(silu(grouped_linear(x, self.gate, groups)) * grouped_linear(x, self.up, groups), self.down, groups)


def softmax(x):
    """Softmax along the last axis. The maximum is subtracted first, so that nothing overflows; it cancels, so no
    gradient flows through it.
    """
    e = torch.exp(x - x.amax(-1, keepdim=True).detach())
    return e / e.sum(-1, keepdim=True)


class TopK(nn.Module):
    """Top-k softmax routing: the k most probable experts are selected; the output is their sum weighted by their
    probabilities. Shazeer et al., 2017. Ties go to the lower index. With `renormalise` the weights of a token sum
    to `scale`, as in Mixtral (Jiang et al., 2024); without it they are the probabilities themselves times
    `scale`, as in OLMoE (Muennighoff et al., 2024) and DeepSeek-V2 (DeepSeek-AI, 2024).
    """

    def __init__(self):
        super().__init__()
        self.gate = nn.Parameter(torch.empty(8, 16))

    def forward(self, rows):
        p = softmax(rows @ self.gate.T)
        selected = top_k(p, 2)
        w = pick(p, selected)
        normalised = w / w.sum(-1, keepdim=True)
        return Routing(selected, normalised)


class Moe(nn.Module):
    """Experts swiglu routed by top_k. Requires dropless."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.experts = Swiglu()
        self.router = TopK()

    def forward(self, x, step):
        rows = x.reshape(-1, 16)
        routing = self.router(rows)
        decide(step, self.path, routing, 8)
        y = mixture(self.experts, rows, routing, 8, step)
        return y.reshape(*x.shape[:-1], y.shape[-1])


class RmsNorm(nn.Module):
    """RMSNorm: scales each row to root mean square 1, then each column by a learned factor. Zhang and Sennrich,
    2019.
    """

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(16))

    def forward(self, x):
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 0.00001) * self.weight


class Model(nn.Module):
    """The smallest language model with a mixture of experts."""

    def __init__(self):
        super().__init__()
        self.path = ""
        self.embed = nn.Parameter(torch.empty(32, 16))
        self.head = nn.Parameter(torch.empty(32, 16))
        self.moe = Moe("moe")
        self.rms_norm = RmsNorm()

    def forward(self, tokens, step=None):
        step = step or Step()
        h = self.embed[tokens.long()]
        answer = self.moe(self.rms_norm(h), step)
        logits = (h + answer) @ self.head.T
        return {"logits": logits}


#: Classes of experts, whose weights can lie on several ranks.
BANKS = (Swiglu,)
#: Parameters whose names Python or torch has another use for, and the paths of the weights.
RENAMED = {}


def load_weights(model, path):
    """Reads weights by their paths from a safetensors file."""
    from safetensors.torch import load_file

    tensors = load_file(path)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(tensors[RENAMED.get(name, name)])
    return model


def save_weights(tensors, path):
    """Writes tensors by the names of their parameters; `smoe` reads them with --weights."""
    from safetensors.torch import save_file

    named = {RENAMED.get(name, name): tensor.detach().float().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(named, path, metadata={"smoe.weights": "by path"})
