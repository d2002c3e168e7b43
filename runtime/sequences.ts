/** Sequences that runs of a session continue: what it keeps of the tokens that they were given. */
import { checked, checkedAsync, list, object, optional, readable, record, text, whole } from '../plan/arguments.ts'
import type { Plan, PlanState, WeightPort } from '../plan/plan.ts'
import { NEW_TOKENS, PAST_TOKENS } from '../plan/state-inputs.ts'
import type { Inputs } from './dims.ts'
import { StateError } from './errors.ts'
import { TENSORS } from './forms.ts'
import type { Outputs } from './run.ts'
import type { RunOptions, Session } from './session.ts'
import type { HostData } from './tensors.ts'

/** What runs keep of sequences, on the host: it goes on in another session of the same model with the same state. */
export interface SavedSequences {
  readonly model: string
  /** How many tokens each sequence has. */
  readonly lengths: readonly number[]
  /** Keys, values and whatever else is kept, whole, by the names of the variables. */
  readonly tensors: Readonly<Record<string, HostData>>
}

export interface Sequences extends PlanState {
  /** How many tokens each sequence has. */
  readonly lengths: () => readonly number[]
  /**
   * Runs the next tokens. Axis 0 of the inputs has the sequences, axis 1 as many positions as the sequence with the most new
   * tokens: `counts` says how many of them each has, and positions behind those are not kept. All, unless it is given. Throws a
   * StateError where a sequence becomes too long, and what `run` of the session throws; the lengths stay then.
   */
  readonly run: (inputs: Inputs, counts?: readonly number[], options?: RunOptions) => Promise<Outputs>
  /** Goes back to these lengths: to any where the plan says that it rewinds, else to 0 alone. Throws a StateError. */
  readonly truncate: (lengths: readonly number[]) => void
  /** Reads what is kept, once the runs so far are done. */
  readonly save: () => Promise<SavedSequences>
  /**
   * Goes on from what was saved, with the same bits on the same device. Throws a StateError for another model, other lengths or
   * another state; nothing changes then. Weights are not compared.
   */
  readonly load: (saved: SavedSequences) => Promise<void>
}

const LENGTHS = list(whole)
const SAVED = object({ model: text, lengths: LENGTHS, tensors: TENSORS })

/** The variables of the state. */
const variablesOf = ({ weights }: Plan): readonly WeightPort[] => weights.filter(({ variable }) => variable?.kind === 'cache')

/** Why what was saved does not go on in a plan; null where it does. */
function mismatch(plan: Plan, { model, lengths, tensors }: SavedSequences): string | null {
  const { sequences, longest } = plan.state!
  if (model !== plan.model) return `it is of ${model}, not of ${plan.model}`
  if (lengths.length !== sequences) return `it has ${lengths.length} sequences, not ${sequences}`
  const full = lengths.find((length) => length > longest)
  if (full !== undefined) return `a sequence has ${full} tokens, and ${longest} are kept at most`
  const variables = variablesOf(plan)
  const stray = Object.keys(tensors).find((name) => !variables.some((one) => one.name === name))
  if (stray !== undefined) return `the model keeps no ${stray}`
  const wrong = variables.find(({ name, shape }) => tensors[name]?.shape.join() !== shape.join())
  if (wrong === undefined) return null
  const { name, shape } = wrong
  return `${name} is [${shape.join(', ')}], ${tensors[name] === undefined ? 'and is missing' : `not [${tensors[name].shape.join(', ')}]`}`
}

const vector = (values: readonly number[]): HostData => ({ shape: [values.length], data: Int32Array.from(values) })

function positionsIn(inputs: Inputs): number {
  const [given] = Object.values(inputs)
  return given?.shape[1] ?? 0
}

/** Throws a StateError for a plan that keeps nothing, and for lengths that do not fit. */
export function createSequences(session: Session): Sequences {
  const { plan } = session
  const { state } = plan
  if (state === undefined) throw new StateError(`the plan of ${plan.model} keeps nothing between runs: compile it with a state`)
  const { sequences, longest, rewinds } = state
  const names = new Set(plan.inputs.map(({ name }) => name))
  let lengths: readonly number[] = Array.from({ length: sequences }, () => 0)
  let last: Promise<unknown> = Promise.resolve()
  const wantEach = (values: readonly number[], what: string): void => {
    if (values.length !== sequences) throw new StateError(`${what}: ${values.length} numbers for ${sequences} sequences`)
  }

  /** One after the other: each sees the lengths that the one before has left. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work)
    last = next.catch(() => {})
    return next
  }

  const run = async (inputs: Inputs, counts?: readonly number[], given?: RunOptions): Promise<Outputs> => {
    const most = positionsIn(inputs)
    const added = counts ?? lengths.map(() => most)
    wantEach(added, 'the new tokens')
    const stray = added.find((count) => count > most)
    if (stray !== undefined) throw new StateError(`${stray} new tokens, and the inputs have ${most} positions`)
    const next = lengths.map((length, b) => length + added[b])
    const full = next.findIndex((length) => length > longest)
    if (full >= 0) throw new StateError(`sequence ${full} would have ${next[full]} tokens, and ${longest} are kept at most`)
    const own = { [PAST_TOKENS]: vector(lengths), [NEW_TOKENS]: vector(added) }
    const asked = Object.fromEntries(Object.entries(own).filter(([name]) => names.has(name)))
    const outputs = await session.run({ ...inputs, ...asked }, given)
    lengths = next
    return outputs
  }

  return {
    ...state,
    lengths: () => lengths,
    run: checkedAsync('run', { inputs: record(readable), counts: optional(LENGTHS) }, (inputs: Inputs, counts?, given?) =>
      inTurn(() => run(inputs, counts, given)),
    ) as Sequences['run'],
    save: () =>
      inTurn(async () => ({
        model: plan.model,
        lengths,
        tensors: await session.store.read(variablesOf(plan).map(({ name }) => name)),
      })),
    load: checkedAsync('load', { saved: SAVED }, (saved: SavedSequences) =>
      inTurn(async () => {
        const problem = mismatch(plan, saved)
        if (problem !== null) throw new StateError(`the saved state does not fit: ${problem}`)
        await session.store.write(saved.tensors)
        lengths = [...saved.lengths]
      }),
    ),
    truncate: checked('truncate', { lengths: LENGTHS }, (to: readonly number[]) => {
      wantEach(to, 'the lengths')
      to.forEach((length, b) => {
        if (length > lengths[b]) throw new StateError(`sequence ${b} has ${lengths[b]} tokens, not ${length}`)
        if (!rewinds && length !== 0 && length !== lengths[b])
          throw new StateError(`${plan.model} keeps the last rows of each sequence alone: it goes back to 0 or not at all`)
      })
      lengths = [...to]
    }),
  }
}
