/** The errors of training that users can correct. Each class has a `kind`, so that errors can be distinguished as data too. */

export type TrainingErrorKind = 'data' | 'fit' | 'diverged' | 'resume'

export abstract class TrainingError extends Error {
  abstract readonly kind: TrainingErrorKind

  override get name(): string {
    return this.constructor.name
  }
}

/** A data file that cannot be read in its format. */
export class DataError extends TrainingError {
  readonly kind = 'data'
  readonly file: string
  /** From 1; null if the file has no lines. */
  readonly line: number | null

  constructor(file: string, line: number | null, message: string) {
    super(`${file}${line === null ? '' : `:${line}`}: ${message}`)
    this.file = file
    this.line = line
  }
}

/**
 * A change of the model that would make the examples fit: a number of distinct values of an input, or the shape of an example.
 */
export type FitNeed =
  | { readonly kind: 'kinds'; readonly has: number; readonly needs: number }
  | { readonly kind: 'shape'; readonly has: readonly number[]; readonly needs: readonly number[] }

/** Valid examples that do not fit the inputs of the model. */
export class FitError extends TrainingError {
  readonly kind = 'fit'
  /** The input of the model. */
  readonly input: string | null
  /** The change of the model that would fix the error, if known. */
  readonly need: FitNeed | null

  constructor(input: string | null, message: string, need: FitNeed | null = null) {
    super(message)
    this.input = input
    this.need = need
  }
}

/** A loss, a routing weight or the gradient norm is not finite. */
export class DivergedError extends TrainingError {
  readonly kind = 'diverged'
  readonly step: number
  readonly term: string
  /** Where it occurred: in the outputs of the forward pass, or in the gradients. */
  readonly pass: 'forward' | 'backward'

  constructor(step: number, term: string, value: number, pass: DivergedError['pass'] = 'forward') {
    super(`step ${step}: ${term} is ${value}; the run stops, earlier checkpoints are unchanged`)
    this.step = step
    this.term = term
    this.pass = pass
  }
}

/** A saved state that is damaged, or belongs to another run. */
export class ResumeError extends TrainingError {
  readonly kind = 'resume'
  readonly file: string

  constructor(file: string, message: string) {
    super(`${file}: ${message}`)
    this.file = file
  }
}
