/** What can go wrong in a run that is the user's to mend. Each class has a `kind`, so that errors can be told apart as data too. */

export type TrainingErrorKind = 'data' | 'fit' | 'diverged' | 'resume'

export abstract class TrainingError extends Error {
  abstract readonly kind: TrainingErrorKind

  override get name(): string {
    return this.constructor.name
  }
}

/** A file of examples that cannot be read as what it says it is. */
export class DataError extends TrainingError {
  readonly kind = 'data'
  readonly file: string
  /** From 1; null where the file has no lines. */
  readonly line: number | null

  constructor(file: string, line: number | null, message: string) {
    super(`${file}${line === null ? '' : `:${line}`}: ${message}`)
    this.file = file
    this.line = line
  }
}

/** A change of the model that would make the examples fit: a number of distinct values of an input, or the shape of an example. */
export type FitNeed =
  | { readonly kind: 'kinds'; readonly has: number; readonly needs: number }
  | { readonly kind: 'shape'; readonly has: readonly number[]; readonly needs: readonly number[] }

/** Examples that are in order, but not what the model takes. */
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

/** A loss, a metric or the norm of the gradients that is no number any more. */
export class DivergedError extends TrainingError {
  readonly kind = 'diverged'
  readonly step: number
  readonly term: string
  /** Where it was seen: in what the forward pass gives, or in the gradients. */
  readonly pass: 'forward' | 'backward'

  constructor(step: number, term: string, value: number, pass: DivergedError['pass'] = 'forward') {
    super(`step ${step}: ${term} is ${value}; the run stops, and what was saved before is as it was`)
    this.step = step
    this.term = term
    this.pass = pass
  }
}

/** A saved state that is damaged, or of another run. */
export class ResumeError extends TrainingError {
  readonly kind = 'resume'
  readonly file: string

  constructor(file: string, message: string) {
    super(`${file}: ${message}`)
    this.file = file
  }
}
