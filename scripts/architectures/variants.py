"""Makes random variants of the architectures: seeds, sizes, and changes of their configs.

usage: variants.py OUT [--count N] [--seed N] [--changes FILE]
needs: as make.py

OUT/NNN-TYPE is a checkpoint as make.py makes it, with change.json: what its config has otherwise. Every type has a turn, and
every change of changes.json, before any has a second. `npm run -s architectures -- OUT` imports each and compares its logits.
"""

import argparse
import json
import pathlib
import random

from make import HERE, make
from nomic import CONFIG as NOMIC
from nomic import make_nomic

BASES = {
    "llama": {"model_type": "llama"},
    "mixtral": {"model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2, "intermediate_size": 8},
    "olmoe": {"model_type": "olmoe", "num_experts": 5, "num_experts_per_tok": 2, "intermediate_size": 8, "num_key_value_heads": 4},
}
COMMON = {
    "vocab_size": 40,
    "hidden_size": 16,
    "intermediate_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}

#: in a change: fields of the file that is written, which older configs have otherwise; null for those that they lack
WRITTEN = "config.json"


def rewrite(file, fields):
    config = json.loads(file.read_text())
    config.update(fields)
    kept = {name: value for name, value in config.items() if not (name in fields and value is None and name != "rope_scaling")}
    file.write_text(json.dumps(kept, indent=2))


def sizes_of(config, chance):
    """Sizes that no other field depends on."""
    choices = {
        "vocab_size": [17, 40, 61],
        "moe_intermediate_size": [3, 8],
        "rms_norm_eps": [1e-6, 1e-3],
        "tie_word_embeddings": [True, False],
    }
    fields = [name for name in choices if name in config or name in ("rms_norm_eps", "tie_word_embeddings")]
    if config["model_type"] in ("gemma4", "nomic_bert"):
        return {}
    if config["model_type"] in ("dbrx", "lfm2_moe", "jetmoe"):
        fields = ["vocab_size"]
    return {name: chance.choice(choices[name]) for name in fields if chance.random() < 0.5}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--changes", type=pathlib.Path, help="other changes than those of changes.json")
    arguments = parser.parse_args()
    table = json.loads((HERE / "architectures.json").read_text())
    table["nomic_bert"] = NOMIC
    table = {**{name: {**COMMON, **config} for name, config in BASES.items()}, **table}
    changes = json.loads((arguments.changes or HERE / "changes.json").read_text())
    chance = random.Random(arguments.seed)
    turns = [(name, change) for name in table for change in changes.get(name, [{}])]
    chance.shuffle(turns)
    for number in range(arguments.count):
        name, change = turns[number] if number < len(turns) else chance.choice(turns)
        change = {**sizes_of(table[name], chance), **change}
        folder = f"{number:03d}-{name}"
        written = change.get(WRITTEN, {})
        try:
            config, seed = {**table[name], **{key: value for key, value in change.items() if key != WRITTEN}}, arguments.seed + number
            if name == "nomic_bert":
                make_nomic(pathlib.Path(arguments.out) / folder, config, seed)
            else:
                make(folder, config, arguments.out, seed)
        except Exception as problem:  # a config that transformers itself refuses says nothing about ours
            print(f"{folder}: transformers refuses {json.dumps(change)}: {str(problem)[:120]}")
            continue
        rewrite(pathlib.Path(arguments.out) / folder / "config.json", written)
        (pathlib.Path(arguments.out) / folder / "change.json").write_text(json.dumps(change))
