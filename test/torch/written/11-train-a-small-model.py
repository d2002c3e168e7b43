"""The model characters, written by `smoe export --to torch`. A character-level language model with a vocabulary
of 65.
"""

import math
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn


def maximum(a, b):
    """The larger of two; of equal ones b has the gradient; NaN where one is NaN."""
    return torch.where((b < a) | (a != a), a, b)


def top_k(x, k):
    """Indices of the k largest along the last axis, best first, ties to the lower index, NaN last: i32 [..., k]."""
    is_nan = torch.isnan(x)
    order = torch.argsort(x.masked_fill(is_nan, -math.inf), dim=-1, descending=True, stable=True)
    order = order.gather(-1, torch.argsort(is_nan.gather(-1, order).int(), dim=-1, stable=True))
    return order[..., :k].int()


def pick(x, ids):
    """Elements along the last axis: x [..., N], ids i32 [..., K] -> [..., K]."""
    return torch.gather(x, -1, ids.long())


def take_rows(x, ids):
    """Rows of tables side by side: x [..., N, D], ids i32 [..., c] -> [..., c, D]."""
    return torch.gather(x, -2, ids.long().unsqueeze(-1).expand(*ids.shape, x.shape[-1]))


def one_hot(ids, n):
    """1 at the index, 0 elsewhere: ids i32 [...] -> f32 [..., n]."""
    return (ids.unsqueeze(-1) == torch.arange(n, device=ids.device)).float()


def positions(x):
    """The position of each row of x [B, S, ...] in its sequence: i32 [B, S]."""
    return torch.arange(x.shape[1], dtype=torch.int32, device=x.device).expand(x.shape[0], x.shape[1])


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


def every_expert(experts, x, count, step):
    """The outputs of all experts for all tokens: x [T, D] -> [T, E, D]."""
    expert = torch.arange(count, device=x.device).repeat_interleave(len(x))
    return run_experts(experts, x.repeat(count, 1), expert, count, step).reshape(count, len(x), -1).transpose(0, 1)


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


def split(x):
    """Rows split into heads of `width` numbers, each scaled to root mean square 1 where `unit`."""
    B = x.shape[0]
    S = x.shape[1]
    heads = x.reshape(B, S, 4, 12)
    return heads


def rope(x, frequency):
    """Rotary position embedding (RoPE): rotates the pairs among the first `rotated` numbers of the last axis, each
    by the angle position * frequency of the pair; the other numbers stay. Su et al., 2021. Pair j is (j, j +
    rotated / 2), the form that pairs the two halves of a head, or with `interleaved` (2 j, 2 j + 1).
    """
    B = x.shape[0]
    S = x.shape[1]
    angle = positions(x).float().reshape(B, S, 1, 1) * frequency
    left = x[:, :, :, :6]
    right = x[:, :, :, 6:12]
    cosine = 1.0 * torch.cos(angle)
    sine = 1.0 * torch.sin(angle)
    turned_left = left * cosine - right * sine
    turned_right = right * cosine + left * sine
    turned = torch.cat([turned_left, turned_right], -1)
    return torch.cat([turned, x[:, :, :, 12:12]], -1)


def causal(position):
    """Causal attention mask of queries at `position` over T keys: a position attends to itself and to earlier
    positions; with a window, to the last `window` of them alone. Beltagy et al., 2020.
    """
    B = position.shape[0]
    S = position.shape[1]
    query = position.reshape(B, S, 1)
    key = torch.arange(S, dtype=torch.int32, device=position.device).reshape(1, 1, S)
    past = key <= query
    return past


def softmax(x):
    """Softmax along the last axis. The maximum is subtracted first, so that nothing overflows; it cancels, so no
    gradient flows through it.
    """
    e = torch.exp(x - x.amax(-1, keepdim=True).detach())
    return e / e.sum(-1, keepdim=True)


def attend_over(query, key, value, position):
    """Attention of projected heads at `position` over all T keys: softmax(scale query . key) over the keys that a
    position may see, applied to the values. `groups` key and value heads are shared by `heads` query heads.
    Vaswani et al., 2017; grouped queries: Ainslie et al., 2023.
    """
    B = query.shape[0]
    S = query.shape[1]
    grouped = query.reshape(B, S, 4, 1, 12)
    scores = torch.einsum("bsgrc,btgc->bgrst", grouped, key) * 0.2886751345948129
    past = causal(position).reshape(B, 1, 1, S, S)
    seen = torch.where(past, scores, -3.4028234663852886e+38)
    weights = softmax(seen)
    mixed = torch.einsum("bgrst,btgw->bsgrw", weights, value)
    return mixed.reshape(B, S, 48)


def attend(query, key, value):
    """Attention of projected heads among the positions of a sequence: see attend_over. Unless `bidirectional`, keys
    and values of earlier runs are kept.
    """
    return attend_over(query, key, value, positions(query))


class Attention(nn.Module):
    """Self-attention, causal unless `bidirectional`, with rotary position embeddings and grouped queries:
    projections to heads, norms, `rope`, `attend` and a projection back. Vaswani et al., 2017; grouped queries:
    Ainslie et al., 2023.
    """

    def __init__(self):
        super().__init__()
        self.q = nn.Parameter(torch.empty(48, 48))
        self.k = nn.Parameter(torch.empty(48, 48))
        self.v = nn.Parameter(torch.empty(48, 48))
        self.o = nn.Parameter(torch.empty(48, 48))

    def forward(self, x, frequency):
        query = x @ self.q.T
        key = x @ self.k.T
        own = x @ self.v.T
        query_heads = split(query)
        key_heads = split(key)
        query_turned = rope(query_heads, frequency)
        key_turned = rope(key_heads, frequency)
        joined = attend(query_turned, key_turned, split(own)) @ self.o.T
        return joined


class RmsNorm(nn.Module):
    """RMSNorm: scales each row to root mean square 1, then each column by a learned factor. Zhang and Sennrich,
    2019.
    """

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(48))

    def forward(self, x):
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 0.00001) * self.weight


def rope_frequencies(device):
    """Rotary frequencies of a head of 2 half numbers: theta^(-j/half) for pair j, in radians per position. "linear"
    divides all of them by `factor` (Chen et al., 2023). "llama3" divides those whose wavelength is more than
    `context / low`, keeps those of less than `context / high`, and interpolates between the two (Llama 3.1,
    2024). Pairs from `turning` on have frequency 0 and stay as they are (proportional RoPE: Gemma Team, 2026).
    """
    frequency = torch.pow(10000.0, torch.arange(6, dtype=torch.int32, device=device).float() * -0.16666666666666666)
    return frequency


def silu(x):
    """x * sigmoid(x), also called swish. Elfwing et al., 2017; Ramachandran et al., 2017."""
    return x * torch.sigmoid(x)


class Swiglu(nn.Module):
    """A bank of experts. SwiGLU: an up projection gated by silu of a second one, and a down projection. Shazeer,
    2020.
    """

    def __init__(self):
        super().__init__()
        self.gate = nn.Parameter(torch.empty(8, 48, 48))
        self.up = nn.Parameter(torch.empty(8, 48, 48))
        self.down = nn.Parameter(torch.empty(8, 48, 48))

    def forward(self, x, groups):
        return grouped_linear(silu(grouped_linear(x, self.gate, groups)) * grouped_linear(x, self.up, groups), self.down, groups)


def normalised(x):
    """x scaled to L2 norm 1 along the last axis; norms below `least` are replaced by `least`, so that a row of zeros
    stays zero. The argument of the square root is never 0, where its derivative is not finite.
    """
    square = maximum((x * x).sum(-1, keepdim=True), 2.5e-25)
    return x / maximum(torch.sqrt(square), 1e-12)


def per_sequence(values):
    """The mean over the tokens of each sequence, where a batch of T tokens consists of `sequences` consecutive
    sequences of equal length.
    """
    T = values.shape[0]
    place = (torch.arange(T, dtype=torch.int32, device=values.device) * 1).reshape(T, 1) - torch.arange(1, dtype=torch.int32, device=values.device) * T
    member = torch.where((place >= 0) & (place < T), 1.0, 0.0)
    return member.T @ values * 1 / T


def load_balance(p, selected):
    """Load balance loss: E times the sum over experts of the share of the selected slots of each and its mean
    probability; the mean over sequences. It is 1 where the load is even, and more where experts that are often
    selected also have high probabilities. The gradient flows through the probabilities alone. With `selected[:,
    0:1]` only the first choices count: Fedus et al., 2021, arXiv:2101.03961.
    """
    chosen = one_hot(selected, 8).sum(1) / 1
    return 8 * (per_sequence(chosen) * per_sequence(p)).sum(-1).mean(-1)


def log_sum_exp(x):
    """log(sum(exp(x))) along the last axis."""
    top = x.amax(-1).detach()
    return top + torch.log(torch.exp(x - x.amax(-1, keepdim=True).detach()).sum(-1))


def z_cost(scores):
    """Router z-loss: the mean square of the log-sum-exp of the scores, which keeps scores small. Zoph et al., 2022,
    arXiv:2202.08906.
    """
    size = log_sum_exp(scores)
    return (size * size).mean(-1)


class Competition(nn.Module):
    """CompeteSMoE: in a share of the training steps (competition steps) all experts are evaluated, and the k with
    the largest response are selected; the router is trained to predict this selection, and alone selects in all
    other steps and at inference. Nguyen et al., 2025, arXiv:2505.13380. The response of an expert is the mean of
    the softplus of its output. The weights are the responses in a competition step, else the router's
    probabilities, renormalised over the selected experts; ties go to the lower index. In a competition step the
    gate has a gradient from `distil` alone, and no gradient of `distil` reaches the experts. With `unevenness =
    "entropy"` the probabilities in a competition step are the softmax of the softmax of the responses, as in the
    released code.
    """

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.gate = nn.Parameter(torch.empty(8, 48))

    def forward(self, rows, step, experts):
        score = rows @ self.gate.T
        guess = softmax(score)
        dense = None
        if step.competes(self.path.rpartition("/")[0]):
            answers = every_expert(experts, rows, 8, step)
            response = F.softplus(answers).mean(-1)
            target = softmax(response)
            selected = top_k(response, 2)
            w = pick(response, selected)
            miss = guess - target.detach()
            missed = pick(miss, selected)
            step.report("loss", self.path, "distil", 0.01 * ((miss * miss).mean(-1).mean(-1) + 0.1 * (missed * missed).mean(-1).mean(-1)))
            won = take_rows(answers, selected)
            direction = normalised(won)
            alike = direction @ direction.mT
            other = torch.where(torch.arange(2, dtype=torch.int32, device=rows.device).reshape(2, 1) == torch.arange(2, dtype=torch.int32, device=rows.device), 0.0, 1.0)
            step.report("loss", self.path, "diversity", 0.01 * (alike * other).mean(-1).mean(-1).mean(-1))
            step.report("loss", self.path, "competition_balance", 0.01 * load_balance(target, selected[:, :1]))
            weights = w / w.sum(-1, keepdim=True)
            dense = answers
        else:
            selected = top_k(guess, 2)
            w = pick(guess, selected)
            if step.training:
                step.report("loss", self.path, "balance", 0.01 * load_balance(guess, selected[:, :1]))
            if step.training:
                step.report("loss", self.path, "z", 0.001 * z_cost(score))
            weights = w / w.sum(-1, keepdim=True)
        return Routing(selected, weights, dense=dense)


class Moe(nn.Module):
    """Experts swiglu routed by competition. Requires dropless."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.experts = Swiglu()
        self.router = Competition(f"{path}/router")

    def forward(self, x, step):
        rows = x.reshape(-1, 48)
        routing = self.router(rows, step, self.experts)
        decide(step, self.path, routing, 8)
        y = mixture(self.experts, rows, routing, 8, step)
        return y.reshape(*x.shape[:-1], y.shape[-1])


class Layer(nn.Module):
    """One of the layers."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.attention = Attention()
        self.attention_norm = RmsNorm()
        self.moe = Moe(f"{path}/moe")
        self.moe_norm = RmsNorm()

    def forward(self, h, step):
        read = self.attention(self.attention_norm(h), rope_frequencies(h.device))
        h = h + step.dropout(self.path, read, 0.1)
        thought = self.moe(self.moe_norm(h), step)
        h = h + step.dropout(self.path, thought, 0.1)
        return h, step.take_reports()


def cross_entropy(logits, targets):
    """Cross-entropy: the mean of -log(softmax(logits)) at the targets, over all axes but the last. Targets are
    0..V-1; those equal to `ignore` do not count, whatever number it is, and where all are ignored the mean is 0.
    The default of `ignore` is a number that no target has.
    """
    rows = logits.reshape(-1, 65)
    each = log_sum_exp(rows) - pick(rows, targets.reshape(-1, 1))[:, 0]
    return each.mean(-1)


def accuracy(logits, targets):
    """The share of the targets that are the argmax of their logits; of equal logits the first counts. Targets equal
    to `ignore` do not count, and where all are ignored it is 0.
    """
    best = top_k(logits.reshape(-1, 65), 1)
    flat = targets.reshape(-1)
    right = (best[:, 0] == flat).float()
    return right.mean(-1)


class Model(nn.Module):
    """A character-level language model with a vocabulary of 65."""

    def __init__(self):
        super().__init__()
        self.path = ""
        self.embed = nn.Parameter(torch.empty(65, 48))
        self.layers = nn.ModuleList(Layer(f"layers.{i}") for i in range(2))
        self.final_norm = RmsNorm()

    def forward(self, tokens, targets=None, step=None):
        step = step or Step()
        h = self.embed[tokens.long()]
        for layer in self.layers:
            h, reports = layer(h, step)
            step.reports.update(reports)
        logits = self.final_norm(h) @ self.embed.T
        if step.mode == "inference":
            return {"logits": logits}
        step.report("loss", "", "next", cross_entropy(logits, targets))
        step.report("metric", "", "accuracy", accuracy(logits, targets))
        return step.take_reports()


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
