/** What all rules share while one kernel is verified. */
import type { Kernel } from '../kernel.ts'
import { Bindings } from './bindings.ts'
import { Report } from './report.ts'

export interface Check {
  readonly kernel: Kernel
  readonly report: Report
  readonly bindings: Bindings
}

export function beginCheck(kernel: Kernel): Check {
  const report = new Report(kernel.name)
  return { kernel, report, bindings: new Bindings(kernel, report) }
}
