/** What this target cannot write, at a place of the spec. */
import type { Origin } from '../graph/node.ts'

/** Thrown while a module is written; whoever asked for it shows the place. */
export class TorchRefusal extends Error {
  override readonly name = 'TorchRefusal'
  readonly origin: Origin

  constructor(message: string, origin: Origin) {
    super(message)
    this.origin = origin
  }
}
