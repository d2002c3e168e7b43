/** What a forward pass knows beside its tensors: whether it trains, which step it is, and what it reports. */

export const STEP = {
  Step: {
    uses: ['philox', 'name_hash'],
    text: `
@dataclass
class Step:
    """
    One forward pass. \`mode\` is "inference", "evaluation" (the losses and metrics of the train block are computed) or
    "training" (policies do what they say \`when training\`, random numbers are drawn, and policies add their losses).
    """

    mode: str = "inference"
    seed: int = 0
    #: unique to the micro-batch: step * accumulate + micro-batch
    draw: int = 0
    step: int = 0
    #: 0 at the first step, 1 at the last
    progress: float = 0.0
    #: the \`when training\` blocks with a rate that are active in this step, by name; None for all of them
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
        """Whether a \`when training\` block with a rate is active."""
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
`,
  },
} as const satisfies Readonly<Record<string, { readonly uses: readonly string[]; readonly text: string }>>
