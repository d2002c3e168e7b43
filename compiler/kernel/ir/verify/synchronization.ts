/** Synchronization: barriers and all-reduces stand in control flow that is uniform. */
import type { Statement } from '../../../scalar/expression.ts'
import { blocksOf, synchronizes } from '../../../scalar/walk.ts'
import { CONSTANT, controlOf, dependences, join, type Dependence } from '../uniformity.ts'
import type { Report } from './report.ts'

export function checkSynchronization(body: readonly Statement[], report: Report): void {
  const of = dependences(body)
  const visit = (statements: readonly Statement[], control: Dependence): void => {
    for (const s of statements) {
      const isFault = control.thread && synchronizes(s)
      if (isFault) report.faultAt(s, 'it synchronizes the workgroup in control flow that is not uniform')
      const own = controlOf(s, of)
      if (s.kind === 'loop' && own.thread) report.faultAt(s, 'its condition is not uniform')
      if (!isFault) for (const block of blocksOf(s)) visit(block, join([control, own]))
    }
  }
  visit(body, CONSTANT)
}
