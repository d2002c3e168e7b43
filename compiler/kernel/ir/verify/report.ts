/** The faults of a kernel, with their place. */
import { createPrinter, expressionsOf } from '../../../scalar/print.ts'
import type { Statement } from '../../../scalar/expression.ts'

export interface Fault {
  /** The name of the kernel. */
  readonly kernel: string
  /** The statement as text; of an operand or of the kernel as a whole, what it is. */
  readonly statement: string
  readonly message: string
}

export const faultText = ({ kernel, statement, message }: Fault): string => `${kernel}: ${statement}: ${message}`

type Place = string | Statement

const head = (s: Statement): string =>
  createPrinter(expressionsOf([s]))
    .statements([s])
    .find((line) => !line.startsWith('%'))!

/** Its identity is the list of faults found so far. */
export class Report {
  private readonly kernel: string
  private readonly found: { readonly place: Place; readonly message: string }[] = []
  private place: Place = ''

  constructor(kernel: string) {
    this.kernel = kernel
  }

  get isEmpty(): boolean {
    return this.found.length === 0
  }

  /** The text of a statement is made only here, for those with a fault. */
  faults(): readonly Fault[] {
    return this.found.map(({ place, message }) => ({
      kernel: this.kernel,
      statement: typeof place === 'string' ? place : head(place),
      message,
    }))
  }

  fault(message: string): void {
    this.found.push({ place: this.place, message })
  }

  /** The faults that `check` finds have this place. */
  at(place: Place, check: () => void): void {
    const before = this.place
    this.place = place
    check()
    this.place = before
  }

  faultAt(place: Place, message: string): void {
    this.at(place, () => this.fault(message))
  }
}
