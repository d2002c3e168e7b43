/** Compiles a model so that its runs continue sequences: for generation, and for programs that do the same. */
import { Option } from 'commander'
import type { StateOptions } from '../../compiler/lower/state.ts'
import type { Code } from '../../grammar/codes.ts'
import type { Source } from '../../grammar/source.ts'
import type { Target } from '../../plan/target.ts'
import type { SpecOptions } from '../checking.ts'
import { compileSourceAnyway, type AddedOptions, type Compiled } from '../compilation.ts'
import type { Compilation } from '../../compiler/compile.ts'
import { refuseErrors } from '../diagnostics.ts'
import { EXIT, Failure } from '../exit.ts'
import type { Terminal } from '../terminal.ts'

/** The logits of the last token alone are wanted of outputs that have some for each: nothing is drawn from the others. */
const lastRows: NonNullable<AddedOptions['last']> = (outputs) =>
  Object.fromEntries(
    outputs.flatMap(({ name, role, node: { shape, dtype } }) =>
      role === undefined && dtype === 'f32' && shape.length >= 2 ? [[name, shape.length - 2] as const] : [],
    ),
  )

const TOO_LARGE: Code = 'SMOE6007'

const LARGEST = 2 ** 30

/** Reads an option that is a number of things, from 1 on. Throws a Failure. */
export const count =
  (what: string) =>
  (text: string): number => {
    const value = Number(text)
    if (Number.isSafeInteger(value) && value >= 1 && value <= LARGEST) return value
    throw new Failure(EXIT.usage, `'${text}' is not a number of ${what}`, 'write a whole number from 1 on')
  }

export interface ContextOptions {
  readonly context?: number
  readonly sequences?: number
}

/** `--context N`. */
export const contextOption = (text: string): Option => new Option('--context <tokens>', text).argParser(count('tokens'))

/** `--sequences N`. */
export const sequencesOption = (text: string): Option => new Option('--sequences <count>', text).argParser(count('sequences'))

/** What is kept between runs; null where nothing is to be. Throws a Failure for sequences without a length. */
export function stateOf({ context, sequences }: ContextOptions): StateOptions | null {
  if (context !== undefined) return { sequences: sequences ?? 1, longest: context }
  if (sequences === undefined) return null
  throw new Failure(EXIT.usage, '--sequences without --context', '--context N says how many tokens of each are kept at most')
}

/** The last rows of one sequence alone are computed; of several, whose lengths may differ, all are. */
const optionsOf = (added: AddedOptions, state: StateOptions): AddedOptions => ({
  ...added,
  state,
  ...(state.sequences === 1 ? { last: lastRows } : {}),
})

/**
 * Compiles a model that continues sequences; null, and a note, where it cannot. Mistakes of the spec are told by the caller, and
 * where the target has no room for the state.
 */
export function compileContinuedAnyway(
  source: Source,
  spec: SpecOptions,
  target: Target,
  terminal: Terminal,
  added: AddedOptions,
  state: StateOptions,
): Compilation | null {
  const compilation = compileSourceAnyway(source, spec, target, terminal, optionsOf(added, state))
  const problem = compilation.diagnostics.find(({ severity }) => severity === 'error')
  // where nothing is kept, no position looks back, and nothing tells what is one
  if (problem === undefined) return compilation.plan?.state === undefined ? null : compilation
  // a text too long for the target is no reason to evaluate it again and again
  if (problem.code === TOO_LARGE) return compilation
  terminal.err(`note: each token evaluates the whole text: ${problem.message}\n`)
  return null
}

/** As `compileContinuedAnyway`, of a state that has to have room. */
export function compileContinued(
  source: Source,
  spec: SpecOptions,
  target: Target,
  terminal: Terminal,
  added: AddedOptions,
  state: StateOptions,
): Compiled | null {
  const compilation = compileContinuedAnyway(source, spec, target, terminal, added, state)
  if (compilation === null) return null
  const { plan, diagnostics } = compilation
  if (plan === null) refuseErrors(diagnostics, terminal)
  if (plan === null) throw new Error('a diagnostic should have ended this')
  return { ...compilation, plan }
}
