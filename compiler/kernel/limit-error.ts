/** What the target cannot do, met while kernels are made; the compiler reports it at its place in the spec. */
import type { Code } from '../../grammar/codes.ts'
import type { Origin } from '../graph/node.ts'

export class LimitError extends Error {
  override readonly name = 'LimitError'
  readonly code: Code
  readonly origin: Origin
  readonly help: string

  constructor(code: Code, message: string, help: string, origin: Origin) {
    super(message)
    this.code = code
    this.help = help
    this.origin = origin
  }
}
