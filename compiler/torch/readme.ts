/** `README.md` beside a written module: what the files are, and the commands. */
import type { Model } from '../model/model.ts'

interface Facts {
  readonly hasTraining: boolean
  readonly isParallel: boolean
}

const example = ({ inputs }: Model): string => inputs.map(({ name }) => name).join(', ')

export function readmeText(model: Model, { hasTraining, isParallel }: Facts): string {
  const training = `
## Training

\`\`\`
python train.py --data FILE
torchrun --nproc-per-node N train.py --data FILE
${isParallel ? 'torchrun --nproc-per-node N train.py --data FILE --experts parallel\n' : ''}\`\`\`

\`recipe.json\` has the optimizer, the schedule, the batch and every step in which a \`when training\` block with a rate is active.
N divides \`accumulate\`, the micro-batches of a step. Weights are sharded by FSDP2${isParallel ? '; with `--experts parallel` those of experts lie on\nthe ranks by number, and tokens travel by all-to-all' : '. The experts of this model cannot lie on several\nranks: a policy reads the weights of all of them'}. The run writes \`trained/model.safetensors\` and \`trained/metrics.jsonl\`;
optimizer state is not saved.
`
  return `# ${model.name}

Written by \`smoe export --to torch\`. \`model.py\` needs PyTorch and safetensors; it was tested with PyTorch 2.13.

\`\`\`python
from model import Model, load_weights

model = load_weights(Model(), "model.safetensors")
outputs = model(${example(model)})
\`\`\`

Parameters have the paths that weights have in the spec, and \`smoe\` reads the weights back: \`smoe run SPEC --weights DIR\` for the
spec that this was written of, and a folder with a \`model.safetensors\` that \`save_weights\` wrote.
${hasTraining ? training : ''}`
}
