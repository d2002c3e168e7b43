"""A turn of transformers on a large checkpoint, as turn.ts has one: transformers-turn.py FOLDER RUNS LOGITS bf16|f32"""

import json
import resource
import sys
import time

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

THREADS = 2


def timed(work):
    start, before = time.perf_counter(), time.process_time()
    value = work()
    return {"wall": time.perf_counter() - start, "cpu": time.process_time() - before}, value


def measure(folder, runs, out, dtype):
    torch.set_num_threads(THREADS)
    options = {"dtype": dtype, "experts_implementation": "grouped_mm"}
    load, model = timed(lambda: AutoModelForCausalLM.from_pretrained(folder, **options).eval())
    inputs = load_file(f"{folder}/tokens.safetensors")
    measured = {}
    with torch.no_grad():
        for name in ("input_ids", "input_ids_512"):  # the logits of the last stay
            ids = inputs[name].long()
            times = []
            for _ in range(runs):
                took, result = timed(lambda: model(input_ids=ids, use_cache=False).logits)
                times.append(took)
            measured[name] = {what: min(one[what] for one in times) for what in ("wall", "cpu")}
            result[0, -1].float().numpy().tofile(out)
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"load": load, "runs": measured, "peak": peak, "memory": None}


if __name__ == "__main__":
    folder, runs, out, name = sys.argv[1:5]
    print(json.dumps(measure(folder, int(runs), out, {"bf16": torch.bfloat16, "f32": torch.float32}[name])))
