/** Dispatch and combination of experts: grouped products, capacity, and experts on several ranks. */

export const EXPERTS = {
  Groups: {
    uses: [],
    text: `
class Groups:
    """Rows sorted by expert: the number of rows of each, in the order of the experts."""

    def __init__(self, counts):
        self.counts = counts.tolist()
        self.offsets = torch.cumsum(counts, 0, dtype=torch.int32)
        self.expert = torch.repeat_interleave(torch.arange(len(self.counts), device=counts.device), counts)
`,
  },
  grouped_linear: {
    uses: [],
    text: `
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
`,
  },
  Routing: {
    uses: [],
    text: `
@dataclass
class Routing:
    """
    What a policy decides: experts i32 [T, K] and their weights [T, K]; \`keep\` bool [T, K] is false for a dropped assignment,
    None where none is; \`scores\` [T, E] where the layer needs them; \`dense\` [T, E, D] where all experts were evaluated;
    \`spilled\` [T] is the weight of overflow that goes to the shared experts.
    """

    selected: torch.Tensor
    weights: torch.Tensor
    keep: torch.Tensor = None
    scores: torch.Tensor = None
    dense: torch.Tensor = None
    spilled: torch.Tensor = None
`,
  },
  run_experts: {
    uses: ['Groups'],
    text: `
def run_experts(experts, rows, expert, count, step):
    """Outputs of the rows [N, D], each of its own expert [N] of \`count\`, in their order: [N, D]."""
    order = torch.argsort(expert, stable=True)
    counts = torch.bincount(expert, minlength=count)
    if step.parallel is None:
        outputs = experts(rows[order], Groups(counts))
    else:
        outputs = step.parallel.run(experts, rows[order], counts)
    return torch.zeros_like(outputs).index_copy(0, order, outputs)
`,
  },
  every_expert: {
    uses: ['run_experts'],
    text: `
def every_expert(experts, x, count, step):
    """The outputs of all experts for all tokens: x [T, D] -> [T, E, D]."""
    expert = torch.arange(count, device=x.device).repeat_interleave(len(x))
    return run_experts(experts, x.repeat(count, 1), expert, count, step).reshape(count, len(x), -1).transpose(0, 1)
`,
  },
  mixture: {
    uses: ['run_experts', 'Routing'],
    text: `
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
`,
  },
  decide: {
    uses: [],
    text: `
def decide(step, path, routing, count):
    """Notes a decision of a layer: how many assignments of each expert are kept, [E]."""
    kept = routing.selected if routing.keep is None else routing.selected[routing.keep]
    step.decisions[path] = torch.bincount(kept.flatten().long(), minlength=count).detach()
`,
  },
  place_in_expert: {
    uses: [],
    text: `
def place_in_expert(ids, count):
    """The place of each assignment [T, K] in its expert, first choices of all tokens before second ones; -1 without one."""
    by_rank = ids.T.reshape(-1).long()
    member = (by_rank.unsqueeze(-1) == torch.arange(count, device=ids.device)).long()
    place = ((member.cumsum(0) - 1) * member).sum(-1)
    return torch.where(by_rank < 0, -1, place).reshape(ids.shape[1], ids.shape[0]).T
`,
  },
  limit_drop: {
    uses: ['place_in_expert', 'Routing'],
    text: `
def limit_drop(routing, most, count):
    """Drops the assignments of an expert beyond its capacity \`most\`."""
    ids = routing.selected if routing.keep is None else torch.where(routing.keep, routing.selected, -1)
    fits = place_in_expert(ids, count) < most
    routing.keep = fits if routing.keep is None else routing.keep & fits
    return routing
`,
  },
  limit_shared: {
    uses: ['place_in_expert', 'Routing'],
    text: `
def limit_shared(routing, most, count):
    """Drops the assignments of an expert beyond its capacity; their weight goes to the shared experts."""
    ids = routing.selected if routing.keep is None else torch.where(routing.keep, routing.selected, -1)
    fits = place_in_expert(ids, count) < most
    lost = ~fits if routing.keep is None else routing.keep & ~fits
    routing.spilled = (routing.weights * lost.float()).sum(1)
    routing.keep = fits if routing.keep is None else routing.keep & fits
    return routing
`,
  },
  limit_next: {
    uses: ['place_in_expert', 'Routing', 'one_hot', 'top_k', 'pick'],
    text: `
def limit_next(routing, most, count):
    """
    Reassigns what exceeds a capacity to the token's next best expert with room, in rounds; what has an expert keeps it.
    """
    scores, lowest = routing.scores, -3.4028234663852886e38
    first = routing.selected if routing.keep is None else torch.where(routing.keep, routing.selected, -1)
    ids, tried = torch.full_like(first, -1), ~(scores > lowest)
    candidates = first
    for round in range(count if routing.keep is not None else count - first.shape[1] + 1):
        if round > 0:
            free = ids < 0 if routing.keep is None else (ids < 0) & routing.keep
            before = free.int().cumsum(1) - free.int()
            ranked = top_k(torch.where(tried, lowest, scores), first.shape[1])
            there = free & (before < (~tried).sum(1, keepdim=True))
            candidates = torch.where(there, pick(ranked, before), -1)
        taken = one_hot(ids, count).sum((0, 1)).long()
        place = place_in_expert(candidates, count) + taken[candidates.clamp(min=0).long()]
        ids = torch.where((candidates >= 0) & (place < most), candidates, ids)
        tried = tried | (one_hot(candidates, count).sum(1) > 0)
    routing.keep = ids >= 0
    routing.selected = ids.clamp(min=0)
    return routing
`,
  },
  choose_by_experts: {
    uses: ['Routing'],
    text: `
def choose_by_experts(routing, most):
    """Each expert takes the \`most\` tokens with its highest scores, of equal ones the lower (Zhou et al., 2022)."""
    order = torch.argsort(routing.scores, dim=0, descending=True, stable=True)
    rank = torch.argsort(order, dim=0)
    chosen = rank < most
    routing.keep = chosen if routing.keep is None else routing.keep & chosen
    return routing
`,
  },
  ExpertParallel: {
    uses: ['Groups'],
    text: `
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
        """Outputs of rows that are sorted by expert, \`counts\` of each [E], in the same order."""
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
`,
  },
} as const satisfies Readonly<Record<string, { readonly uses: readonly string[]; readonly text: string }>>
