import { expect, test } from 'vitest'
import { Report, faultText } from '../../../../compiler/kernel/ir/verify/report.ts'
import { BARRIER } from '../../../../compiler/scalar/statements.ts'

test('a fault has the innermost place, and that of the outer one again after it', () => {
  const report = new Report('k')
  expect(report.isEmpty).toBe(true)
  report.at('workgroup', () => {
    report.at(BARRIER, () => report.fault('one'))
    report.fault('two')
  })
  report.faultAt('bindings', 'three')
  expect(report.faults().map(faultText)).toEqual(['k: barrier: one', 'k: workgroup: two', 'k: bindings: three'])
})
