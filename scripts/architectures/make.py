"""Makes a tiny random checkpoint of each architecture, in the layouts of the hub and of transformers 5, with reference logits.

usage: make.py OUT [TYPE ...] [--table FILE] [--seed N]
needs: torch, transformers 5.18, safetensors

The table, architectures.json beside this file, has a config for each model_type. A folder OUT/TYPE gets
  config.json
  model.safetensors        as on the hub: an expert a tensor, where the architecture does that
  fused.safetensors        all experts of a layer in one tensor; only where names differ from those of the hub
  reference.safetensors    input_ids i32 [B, S], logits f32 [B, S, V], computed in float64 and rounded once
Weights are random, larger than those of a trained model, so that routing is decisive, and rounded to bfloat16 before the logits
are computed, so that the files are exact.
"""

import argparse
import json
import pathlib
import shutil
import tempfile

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

HERE = pathlib.Path(__file__).parent
TOKENS = (2, 12)


def randomise(model, seed):
    """Matrices by their fan-in, norms around 1, biases and selection biases around 0; all of them exact in bfloat16."""
    generator = torch.Generator().manual_seed(seed)

    def draw(shape, deviation, mean=0.0):
        return (torch.randn(shape, generator=generator) * deviation + mean).to(torch.bfloat16).float()

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_gain = parameter.dim() == 1 and "norm" in name and "bias" not in name
            deviation = 0.2 if parameter.dim() == 1 else (2.0 / parameter.shape[-1]) ** 0.5
            parameter.copy_(draw(parameter.shape, deviation, 1.0 if is_gain else 0.0))
        for name, buffer in model.named_buffers():
            if "e_score_correction_bias" in name or "expert_bias" in name:
                buffer.copy_(draw(buffer.shape, 0.1))
            if "layer_scalar" in name:
                buffer.copy_(draw(buffer.shape, 0.1, 1.0))


def model_of(config, seed):
    config = AutoConfig.for_model(**{"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None, **config})
    config._experts_implementation = "eager"
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    randomise(model, seed)
    return model


def logits_of(model, ids):
    with torch.no_grad():
        return model.double()(input_ids=ids, use_cache=False).logits.float().contiguous()


def tokens_of(model, seed, shape=TOKENS):
    generator = torch.Generator().manual_seed(seed + 1)
    return torch.randint(0, model.config.get_text_config().vocab_size, shape, generator=generator)


def save(model, folder):
    """The config and the weights in both layouts."""
    model = model.to(torch.bfloat16)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as other:
        model.save_pretrained(other, save_original_format=False)
        fused = load_file(f"{other}/model.safetensors")
    if set(fused) != set(load_file(folder / "model.safetensors")):
        save_file(fused, folder / "fused.safetensors")


def make(name, config, out, seed):
    folder = pathlib.Path(out) / name
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    model = model_of(config, seed)
    ids = tokens_of(model, seed)
    logits = logits_of(model, ids)
    save_file({"input_ids": ids.to(torch.int32), "logits": logits}, folder / "reference.safetensors")
    save(model, folder)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{name:24s} {sum(p.numel() for p in model.parameters()):>7d} parameters, {size / 1000:.0f} KB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("types", nargs="*")
    parser.add_argument("--table", default=HERE / "architectures.json")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    table = json.loads(pathlib.Path(arguments.table).read_text())
    for name in arguments.types or table:
        make(name, table[name], arguments.out, arguments.seed)
