"""Runs written modules and compares what they give with what smoe gives: one line a folder."""

import importlib.util
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

LIMIT = 1e-5


def load(folder):
    spec = importlib.util.spec_from_file_location(f"model_{abs(hash(folder))}", Path(folder) / "model.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def error(found, wanted):
    """The largest difference, relative to the largest number or 1."""
    found, wanted = found.detach().double(), wanted.double()
    if found.shape != wanted.shape:
        return float("inf")
    scale = max(1.0, float(wanted.abs().max())) if wanted.numel() else 1.0
    return float((found - wanted).abs().max()) / scale if wanted.numel() else 0.0


def compare(folder):
    about = json.loads((Path(folder) / "case.json").read_text())
    tensors = load_file(Path(folder) / "case.safetensors")
    module = load(folder)
    model = module.load_weights(module.Model(), Path(folder) / "model.safetensors")
    inputs = {name.partition("/")[2]: tensor for name, tensor in tensors.items() if name.startswith("input/")}
    inputs = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in inputs.items()}
    step = about["step"]

    def of(form):
        return {name.partition("/")[2]: tensor for name, tensor in tensors.items() if name.startswith(f"{form}/")}

    worst = {"outputs": 0.0, "losses": 0.0, "gradients": 0.0}
    counts = dict.fromkeys(worst, 0)
    notes = []

    def note(kind, name, found, wanted):
        one = float("inf") if found is None else error(found, wanted)
        if not one <= LIMIT:
            notes.append(f"{name}: {one:.2e}")
        worst[kind] = max(worst[kind], one)
        counts[kind] += 1

    wanted = of("inference")
    with torch.no_grad():
        found = model(**inputs)
    for name, tensor in wanted.items():
        note("outputs", name, found.get(name), tensor)
    for form in ["evaluation", *about["forms"]] if about["forms"] else []:
        model.zero_grad()
        mode = "evaluation" if form == "evaluation" else "training"
        competing = frozenset(about["forms"].get(form, []))
        given = module.Step(mode=mode, competing=competing, **step)
        found = model(**inputs, step=given)
        wanted = of(form)
        reports = {name: tensor for name, tensor in wanted.items() if name.startswith(("loss.", "metric."))}
        for name, tensor in reports.items():
            note("losses", f"{form} {name}", found.get(name), tensor)
        if extra := set(found) - set(reports):
            notes.append(f"{form}: also {', '.join(sorted(extra))}")
        if mode == "evaluation":
            continue
        loss = sum(value for name, value in found.items() if name.startswith("loss."))
        loss.backward()
        renamed = {path: name for name, path in module.RENAMED.items()}
        parameters = dict(model.named_parameters())
        for name, tensor in wanted.items():
            if not name.startswith("gradient."):
                if name.startswith("next.gradient."):
                    name = name.removeprefix("next.")
                else:
                    continue
            path = name.removeprefix("gradient.")
            parameter = parameters.pop(renamed.get(path, path))
            gradient = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
            note("gradients", f"{form} {path}", gradient, tensor)
        for name, parameter in parameters.items():
            if parameter.grad is not None and float(parameter.grad.abs().max()) > 0:
                notes.append(f"{form}: {name} has a gradient")
    notes += [f"no {kind} compared" for kind, count in counts.items() if count == 0 and (about["forms"] or kind == "outputs")]
    return worst, notes


bad = 0
print(f"{'':60} outputs   losses    gradients")
for folder in sys.argv[1:]:
    try:
        worst, notes = compare(folder)
    except Exception as problem:
        worst, notes = {}, [f"{type(problem).__name__}: {problem}"]
    bad += bool(notes)
    print(f"{Path(folder).name[:60]:60}", "  ".join(f"{value:.1e}" for value in worst.values()), "; ".join(notes))
print(f"{len(sys.argv) - 1 - bad} of {len(sys.argv) - 1} agree to {LIMIT}")
sys.exit(1 if bad else 0)
