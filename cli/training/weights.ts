/** `train --weights PATH`: what a run begins with in the place of what its initialisers make. */
import type { TrainingGraphs } from '../../compiler/train.ts'
import type { WeightPort } from '../../plan/plan.ts'
import type { RecipeWeight, Recipe } from '../../plan/recipe.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { listed } from '../../runtime/checkpoint/quote.ts'
import { WeightError } from '../../runtime/errors.ts'
import { matchWeights } from '../../runtime/weights/match.ts'
import type { Vocabulary } from '../../training/data/vocabulary.ts'
import type { GivenWeights } from '../../training/initialise.ts'
import type { State } from '../../training/machine.ts'
import { EXIT, Failure } from '../exit.ts'
import { plural } from '../output.ts'
import { readPorts, weightPorts } from '../run/reference.ts'
import { openWeights } from '../run/weights.ts'
import type { Terminal } from '../terminal.ts'
import { noteUnread } from '../unread.ts'

export interface Beginning {
  readonly given: GivenWeights
  /**
   * What tokens stood for in the run that the weights are of; null where it did not learn from text, or where no run saved them.
   */
  readonly vocabulary: Vocabulary | null
}

/** A weight that no graph reads is found by its path. */
const byPath = ({ name, shape }: RecipeWeight): WeightPort => ({
  name,
  dtype: 'f32',
  shape: shape.map(String),
  buffer: -1,
  pieces: [{ tensor: name, slices: [], transpose: false }],
  stacked: false,
  doc: '',
})

function portsOf({ recipe, step, evaluation }: TrainingGraphs): readonly WeightPort[] {
  const competitions = recipe.layers.filter(({ competition }) => competition !== null).map(({ layer }) => layer)
  const known = new Map(
    [evaluation(), step([], true), step(competitions, true)].flatMap(weightPorts).map((port) => [port.name, port]),
  )
  return recipe.weights.map((weight) => known.get(weight.name) ?? byPath(weight))
}

/**
 * The ports that a checkpoint has. Throws a WeightError for those that it has otherwise or in part, and a Failure where it has
 * none.
 */
function presentIn(checkpoint: Checkpoint, ports: readonly WeightPort[], model: string): readonly WeightPort[] {
  const { matches, problems } = matchWeights({ weights: ports }, checkpoint)
  const found = new Set(matches.map(({ port }) => port.name))
  const bad = problems.filter(({ code, weight }) => code !== 'missing' || (weight !== null && found.has(weight)))
  if (bad.length > 0) throw new WeightError(checkpoint.name, bad)
  const present = ports.filter(({ name }) => found.has(name))
  if (present.length > 0) return present
  const has = listed([...checkpoint.tensors.keys()])
  throw new Failure(
    EXIT.badCheckpoint,
    `${checkpoint.name} has none of the ${plural(ports.length, 'weight')} of ${model}`,
    `it has ${has || 'no tensor'}; the table \`weights\` of a spec names what a checkpoint calls otherwise`,
  )
}

async function stateFrom(checkpoint: Checkpoint, ports: readonly WeightPort[], { weights }: Recipe): Promise<State> {
  const values = await readPorts(ports, checkpoint)
  const shapes = new Map(weights.map(({ name, shape }) => [name, shape]))
  return Object.fromEntries(Object.entries(values).map(([name, data]) => [name, { shape: shapes.get(name)!, data }]))
}

function tell(typed: string, step: number | null, missing: readonly string[], terminal: Terminal): void {
  terminal.err(
    `note: the initial weights are those of ${typed}${step === null ? '' : `, step ${step} of its run`}; optimizer state and schedules start afresh\n`,
  )
  if (missing.length === 0) return
  terminal.err(
    `note: ${plural(missing.length, 'weight')} ${missing.length === 1 ? 'is missing and' : 'are missing and'} initialized as in the spec: ${listed(missing, 8)}\n`,
  )
}

/**
 * Reads the weights that a checkpoint has of a model and says which those are not. Throws a Failure, a WeightError or a
 * CheckpointError.
 */
export async function readBeginning(typed: string, graphs: TrainingGraphs, terminal: Terminal): Promise<Beginning> {
  const { checkpoint, run } = await openWeights(typed, terminal)
  try {
    const ports = portsOf(graphs)
    const present = presentIn(checkpoint, ports, graphs.recipe.model)
    const missing = ports.filter((port) => !present.includes(port)).map(({ name }) => name)
    tell(typed, run?.step ?? null, missing, terminal)
    noteUnread(checkpoint, matchWeights({ weights: ports }, checkpoint).extra, terminal)
    return {
      given: { name: typed, values: await stateFrom(checkpoint, present, graphs.recipe) },
      vocabulary: run?.vocabulary ?? null,
    }
  } finally {
    await checkpoint.close()
  }
}
