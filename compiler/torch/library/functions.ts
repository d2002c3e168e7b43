/** Functions of tensors that torch has not, or has with other rules for ties. */

export const FUNCTIONS = {
  maximum: {
    uses: [],
    text: `
def maximum(a, b):
    """The larger of two; of equal ones b has the gradient; NaN where one is NaN."""
    return torch.where((b < a) | (a != a), a, b)
`,
  },
  minimum: {
    uses: [],
    text: `
def minimum(a, b):
    """The smaller of two; of equal ones b has the gradient; NaN where one is NaN."""
    return torch.where((a < b) | (a != a), a, b)
`,
  },
  top_k: {
    uses: [],
    text: `
def top_k(x, k):
    """Indices of the k largest along the last axis, best first, ties to the lower index, NaN last: i32 [..., k]."""
    is_nan = torch.isnan(x)
    order = torch.argsort(x.masked_fill(is_nan, -math.inf), dim=-1, descending=True, stable=True)
    order = order.gather(-1, torch.argsort(is_nan.gather(-1, order).int(), dim=-1, stable=True))
    return order[..., :k].int()
`,
  },
  pick: {
    uses: [],
    text: `
def pick(x, ids):
    """Elements along the last axis: x [..., N], ids i32 [..., K] -> [..., K]."""
    return torch.gather(x, -1, ids.long())
`,
  },
  take_rows: {
    uses: [],
    text: `
def take_rows(x, ids):
    """Rows of tables side by side: x [..., N, D], ids i32 [..., c] -> [..., c, D]."""
    return torch.gather(x, -2, ids.long().unsqueeze(-1).expand(*ids.shape, x.shape[-1]))
`,
  },
  one_hot: {
    uses: [],
    text: `
def one_hot(ids, n):
    """1 at the index, 0 elsewhere: ids i32 [...] -> f32 [..., n]."""
    return (ids.unsqueeze(-1) == torch.arange(n, device=ids.device)).float()
`,
  },
  positions: {
    uses: [],
    text: `
def positions(x):
    """The position of each row of x [B, S, ...] in its sequence: i32 [B, S]."""
    return torch.arange(x.shape[1], dtype=torch.int32, device=x.device).expand(x.shape[0], x.shape[1])
`,
  },
  with_previous: {
    uses: [],
    text: `
def with_previous(x, n):
    """n rows of zeros, then x: [B, S, ...] -> [B, n + S, ...]."""
    return torch.cat([x.new_zeros(x.shape[0], n, *x.shape[2:]), x], 1)
`,
  },
  transport: {
    uses: [],
    text: `
LOG_ZERO = -(2.0**100)


def transport(cost, rows, columns, iterations, tolerance):
    """
    Entropic optimal transport (Cuturi, 2013): cost [T, E], the sums of rows [T] and columns [E], or one number for all.
    Returns log v [E], the iterations done, and the root mean square error of the column sums.
    """
    rows = torch.as_tensor(rows, dtype=cost.dtype, device=cost.device).expand(cost.shape[0])
    columns = torch.as_tensor(columns, dtype=cost.dtype, device=cost.device).expand(cost.shape[1])
    zero = cost.new_tensor(LOG_ZERO)

    def log(mass):
        return torch.where(mass > 0, torch.log(torch.where(mass > 0, mass, 1.0)), zero)

    def mean_square(x):
        return torch.sqrt((x * x).mean())

    def log_sum(x, axis):
        top = torch.clamp(x.amax(axis, keepdim=True), min=LOG_ZERO).detach()
        total = torch.exp(x - top).sum(axis)
        return torch.where(total > 0, top.squeeze(axis) + torch.log(torch.where(total > 0, total, 1.0)), zero)

    threshold = torch.clamp(mean_square(columns) * 2.0**-20, min=tolerance)
    log_u, done = torch.where(rows > 0, 0.0, zero), 0
    while True:
        through = log_sum(cost + log_u[:, None], 0)
        log_v = torch.where((columns <= 0) | (through <= LOG_ZERO / 2), zero, log(columns) - through)
        log_u = torch.where(rows > 0, log(rows) - log_sum(cost + log_v, 1), zero)
        sums = torch.exp(cost + log_u[:, None] + log_v).sum(0)
        residual, done = mean_square(sums - columns).detach(), done + 1
        if done >= iterations or bool(residual < threshold):
            return log_v, done, residual
`,
  },
  sinkhorn: {
    uses: ['transport'],
    text: `
def sinkhorn(cost, rows, columns, iterations, tolerance):
    """log v of the transport plan, whose row t is rows[t] * softmax(cost[t] + log v): [E]."""
    return transport(cost, rows, columns, iterations, tolerance)[0]
`,
  },
  sinkhorn_status: {
    uses: ['transport'],
    text: `
def sinkhorn_status(cost, rows, columns, iterations, tolerance):
    """The iterations done by sinkhorn, and the error that is left: [2]."""
    _, done, residual = transport(cost, rows, columns, iterations, tolerance)
    return torch.stack([residual.new_tensor(float(done)), residual])
`,
  },
  decompose: {
    uses: [],
    text: `
def decompose(x):
    """
    The thin singular value decomposition of each matrix [M, N], K = min(M, N): left vectors [K, M], values [K], right
    vectors [K, N], each of which has its component of the largest magnitude positive. No gradient flows through it.
    """
    left, values, right = torch.linalg.svd(x.detach().double(), full_matrices=False)
    largest = right.gather(-1, right.abs().argmax(-1, keepdim=True))
    side = torch.where(largest < 0, -1.0, 1.0)
    return (left.mT * side).to(x.dtype), values.to(x.dtype), (right * side).to(x.dtype)
`,
  },
  svd_left: {
    uses: ['decompose'],
    text: `
def svd_left(x):
    """The left singular vectors as rows: [..., K, M]."""
    return decompose(x)[0]
`,
  },
  svd_values: {
    uses: ['decompose'],
    text: `
def svd_values(x):
    """The singular values, descending: [..., K]."""
    return decompose(x)[1]
`,
  },
  svd_right: {
    uses: ['decompose'],
    text: `
def svd_right(x):
    """The right singular vectors as rows: [..., K, N]."""
    return decompose(x)[2]
`,
  },
} as const satisfies Readonly<Record<string, { readonly uses: readonly string[]; readonly text: string }>>
