/** `train.py`: trains a written module as its recipe says, in one process or in several. */

export const TRAIN = `"""
Trains the model of model.py as recipe.json says: the same micro-batches, random decisions and updates as \`smoe train\`.

    torchrun --nproc-per-node N train.py --data FILE [--experts parallel] [--out DIR]

The micro-batches of a step (\`accumulate\`) are spread over the ranks: N must divide their number. Weights are sharded by FSDP2;
with --experts parallel those of the experts lie on the ranks by number, and tokens travel to them and back.
FILE is a .safetensors file with a tensor for each input, a row for each example, or one of token ids, or such a .npy file.
"""

import argparse
import json
import math
import os
from pathlib import Path

import torch
import torch.distributed as dist

import model as written
from model import Model, Step, load_weights, name_hash, philox, save_weights

HERE = Path(__file__).parent


def uniform_words(seed, domain, name, count):
    """The first words of a stream of the host: 32 random bits each."""
    blocks = torch.arange((count + 3) // 4, dtype=torch.int64)
    zeros = torch.zeros_like(blocks)
    low, high = name_hash(name), name_hash(name, 0x050C5D1F)
    return torch.stack(philox((seed, low), (blocks, zeros, zeros + domain, zeros + high)), -1).flatten()[:count].tolist()


SHUFFLE = 2


def permutation(count, seed, epoch):
    """The order of the examples of an epoch (Fisher and Yates, 1938)."""
    order = list(range(count))
    words = uniform_words(seed, SHUFFLE, f"epoch {epoch}", count)
    for at, last in enumerate(range(count - 1, 0, -1)):
        other = words[at] * (last + 1) >> 32
        order[last], order[other] = order[other], order[last]
    return order


def read(path):
    """The tensors of a file, by name."""
    if path.endswith(".safetensors"):
        from safetensors.torch import load_file

        return load_file(path)
    if path.endswith(".npy"):
        import numpy

        return {"tokens": torch.from_numpy(numpy.load(path))}
    raise SystemExit(f"{path} is neither .safetensors nor .npy; smoe train reads text and tables")


class Examples:
    """Rows of tensors, or windows of a stream of tokens and the same windows shifted by one."""

    def __init__(self, tensors, inputs, seed):
        self.inputs, self.seed = inputs, seed
        self.batch, self.length = inputs[0]["shape"][0], inputs[0]["shape"][1] if len(inputs[0]["shape"]) > 1 else 0
        single = next(iter(tensors.values())) if len(tensors) == 1 else None
        self.stream = single if single is not None and single.dim() == 1 and not single.is_floating_point() else None
        if self.stream is not None:
            if len(self.stream) <= self.length:
                raise SystemExit(f"{len(self.stream)} tokens are too few: an example has {self.length + 1}")
            self.count = max(1, (len(self.stream) - 1) // self.length - 1)
            return
        if single is not None and single.dim() == 2 and not single.is_floating_point():
            tensors = {"tokens": single[:, :-1], "targets": single[:, 1:]}
        for one in inputs:
            found = tensors.get(one["name"])
            if found is None or list(found.shape[1:]) != one["shape"][1:]:
                has = "nothing" if found is None else list(found.shape)
                raise SystemExit(f"the model expects {one['name']} as [N, {', '.join(map(str, one['shape'][1:]))}]; the data has {has}")
        self.rows = {one["name"]: tensors[one["name"]] for one in inputs}
        self.count = len(self.rows[inputs[0]["name"]])

    def one(self, example, epoch):
        if self.stream is None:
            return {name: rows[example] for name, rows in self.rows.items()}
        places = min(self.length, len(self.stream) - self.count * self.length)
        word = uniform_words(self.seed, SHUFFLE, "slide", epoch + 1)[epoch]
        start = example * self.length + math.floor(((word >> 9) + 0.5) * 2.0**-23 * places)
        ends = {"tokens": 0, "targets": 1}
        return {one["name"]: self.stream[start + ends[one["name"]] :][: self.length] for one in self.inputs}

    def batches(self):
        """Micro-batches without end: each epoch in an order of its own, and none left out."""
        epoch, offset, order = 0, 0, permutation(self.count, self.seed, 0)
        while True:
            rows = []
            for _ in range(self.batch):
                rows.append(self.one(order[offset], epoch))
                offset += 1
                if offset == self.count:
                    epoch, offset = epoch + 1, 0
                    order = permutation(self.count, self.seed, epoch)
            yield {
                one["name"]: torch.stack([row[one["name"]] for row in rows]).to(
                    torch.float32 if one["dtype"] == "f32" else torch.int32
                )
                for one in self.inputs
            }


def rate_factor(schedule, step, steps):
    """The factor on the learning rate: it rises over the warmup, then decays to \`final\` at the last step."""
    warmup = schedule["warmup"]
    if step < warmup:
        return (step + 1) / warmup
    top = max(0, warmup - 1)
    fraction = min(1, (step - top) / max(1, steps - 1 - top))
    if schedule["kind"] == "constant":
        return 1.0
    final = schedule["final"]
    if schedule["kind"] == "linear":
        return 1 + (final - 1) * fraction
    return final + (1 - final) * (0.5 + 0.5 * math.cos(math.pi * fraction))


class Lion(torch.optim.Optimizer):
    """Chen et al., 2023."""

    def __init__(self, groups, lr, betas):
        super().__init__(groups, {"lr": lr, "weight_decay": 0.0, "betas": betas})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (first, second), rate = group["betas"], group["lr"]
            for weight in group["params"]:
                momentum = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                along = torch.sign(first * momentum + (1 - first) * weight.grad)
                weight.sub_(rate * (along + group["weight_decay"] * weight))
                momentum.mul_(second).add_((1 - second) * weight.grad)


def optimizer_of(recipe, named):
    """The optimizer of the recipe; each weight has its own factor on the rate, and its own decay."""
    settings = recipe["optimiser"]
    groups = [
        {"params": [named[weight["name"]]], "weight_decay": weight["decay"], "factor": weight["rate"]}
        for weight in recipe["weights"]
        if weight["rate"] != 0 and weight["name"] in named
    ]
    kind, rate = settings["kind"], settings["rate"]
    if kind == "sgd":
        momentum, nesterov = settings["momentum"], settings["nesterov"]
        return torch.optim.SGD(groups, lr=rate, momentum=momentum, nesterov=nesterov and momentum != 0, foreach=False)
    betas = (settings["beta1"], settings["beta2"])
    if kind == "lion":
        return Lion(groups, rate, betas)
    make = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind]
    return make(groups, lr=rate, betas=betas, eps=settings["epsilon"], foreach=False)


def local(tensor):
    """This rank's part of a tensor."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


class Ranks:
    """The processes of a run, and how weights lie on them."""

    def __init__(self):
        self.size, self.rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
        cuda = torch.cuda.is_available()
        self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
        if cuda:
            torch.cuda.set_device(self.device)
        if self.size > 1:
            dist.init_process_group("nccl" if cuda else "gloo")
        self.parallel, self.banks = None, set()

    def shard(self, model, experts, apart):
        """FSDP2 for each layer and for the whole; weights in \`apart\` stay whole on every rank."""
        if experts == "parallel":
            if not written.BANKS:
                raise SystemExit("no experts of this model can lie on several ranks: a policy reads the weights of all of them")
            self.parallel = written.ExpertParallel()
            for module in [one for one in model.modules() if isinstance(one, written.BANKS)]:
                self.parallel.shard(module)
                self.banks.update(module.parameters(recurse=False))
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(self.device.type, (self.size,))
        lists = (torch.nn.ModuleList, torch.nn.ModuleDict)
        blocks = [one for many in model.children() if isinstance(many, lists) for one in many.children()]
        for block in [*blocks, model]:
            fully_shard(block, mesh=mesh, ignored_params=self.banks | apart)

    def sum(self, tensor):
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def whole(self, parameter):
        """All of a weight, on every rank."""
        if any(parameter is one for one in self.banks):
            return self.parallel.gather(parameter)
        return parameter.full_tensor() if hasattr(parameter, "full_tensor") else parameter.detach()


def clip(ranks, weights, most):
    """The global norm of the gradients; they are scaled so that it is \`most\` at most."""
    norm = ranks.sum(sum((local(one.grad).double() ** 2).sum() for one in weights)).sqrt()
    if most is not None:
        factor = (most / torch.clamp(norm, min=most)).item()
        for one in weights:
            one.grad.mul_(factor)
    return norm.item()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", required=True)
    arguments.add_argument("--weights", default=str(HERE / "model.safetensors"))
    arguments.add_argument("--experts", choices=["whole", "parallel"], default="whole")
    arguments.add_argument("--out", default="trained")
    arguments.add_argument("--steps", type=int, help="stop after so many steps; schedules stay those of the whole run")
    given = arguments.parse_args()
    recipe = json.loads((HERE / "recipe.json").read_text())
    ranks = Ranks()
    accumulate, steps = recipe["accumulate"], recipe["steps"]
    if accumulate % ranks.size != 0:
        raise SystemExit(f"{ranks.size} ranks do not divide the {accumulate} micro-batches of a step: set accumulate in the spec")
    model = load_weights(Model(), given.weights).to(ranks.device)
    biases = [one["balancedBias"] for one in recipe["layers"] if one["balancedBias"] is not None]
    balanced = {one["weight"] for one in biases}
    named = {written.RENAMED.get(name, name): one for name, one in model.named_parameters()}
    if ranks.size > 1:
        ranks.shard(model, given.experts, {named[name] for name in balanced})
        named = {written.RENAMED.get(name, name): one for name, one in model.named_parameters()}
    elif given.experts == "parallel":
        raise SystemExit("--experts parallel is for several ranks: launch with torchrun --nproc-per-node N")
    optimizer = optimizer_of(recipe, named)
    trained = [one for group in optimizer.param_groups for one in group["params"]]
    batches = Examples(read(given.data), recipe["inputs"], recipe["seed"]).batches()
    share = accumulate // ranks.size
    out = Path(given.out)
    if ranks.rank == 0:
        out.mkdir(parents=True, exist_ok=True)
    log = (out / "metrics.jsonl").open("w") if ranks.rank == 0 else None
    for step in range(min(steps, given.steps or steps)):
        competing = frozenset(name for name, when in recipe["competitions"].items() if step in when)
        reports, loads = {}, {}
        for micro, batch in enumerate(next(batches) for _ in range(accumulate)):
            if micro % ranks.size != ranks.rank:
                continue
            if ranks.size > 1:
                model.set_requires_gradient_sync(micro // ranks.size == share - 1)
            moment = Step(
                mode="training",
                seed=recipe["seed"],
                draw=step * accumulate + micro,
                step=step,
                progress=step / max(1, steps - 1),
                competing=competing,
                parallel=ranks.parallel,
            )
            found = model(**{name: one.to(ranks.device) for name, one in batch.items()}, step=moment)
            loss = sum(value for name, value in found.items() if name.startswith("loss."))
            (loss / share).backward()
            for name, value in {"loss": loss, **found}.items():
                reports[name] = reports.get(name, 0.0) + value.detach().to(ranks.device) / accumulate
            for name, load in moment.decisions.items():
                loads[name] = loads.get(name, 0) + load
        for one in trained:
            if one.grad is None:
                one.grad = torch.zeros_like(one)
            elif any(one is bank for bank in ranks.banks):
                one.grad.div_(ranks.size)
        norm = clip(ranks, trained, recipe["clip"])
        if not math.isfinite(norm):
            raise SystemExit(f"step {step + 1}: the gradient norm is {norm}")
        rate = recipe["optimiser"]["rate"] * rate_factor(recipe["schedule"], step, steps)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        optimizer.step()
        optimizer.zero_grad()
        for layer in recipe["layers"]:
            bias = layer["balancedBias"]
            if bias is not None:
                load = ranks.sum(loads[layer["layer"]].clone()).double()
                with torch.no_grad():
                    named[bias["weight"]].add_((bias["rate"] * torch.sign(load.mean() - load)).float())
        means = {name: ranks.sum(value.clone()).item() for name, value in reports.items()}
        if log is not None:
            log.write(json.dumps({"step": step + 1, "rate": rate, "norm": norm, **means}) + "\\n")
            log.flush()
            print(f"step {step + 1} of {steps}  loss {means['loss']:.5f}  norm {norm:.4f}", flush=True)
    weights = {name: ranks.whole(one) for name, one in model.named_parameters()}
    if ranks.rank == 0:
        save_weights(weights, out / "model.safetensors")
    if ranks.size > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
`
