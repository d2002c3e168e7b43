/** Kernels of workgroups: limits of the target, shared arrays, and the rules of their statements. */
import { evaluate } from '../../../../plan/dim.ts'
import type { Target } from '../../../../plan/target.ts'
import { allStatements } from '../../../scalar/walk.ts'
import type { Computation, SharedArray } from '../kernel.ts'
import { findRaces } from '../races.ts'
import type { Check } from './check.ts'
import { below, sizesOf } from './ranges.ts'
import type { Report } from './report.ts'
import { createSample, given, rootScope, type LocalArray } from './scope.ts'
import { checkStatements } from './statements.ts'
import { checkSynchronization } from './synchronization.ts'

export type KernelLimits = Pick<Target, 'name' | 'maxWorkgroupStorageBytes' | 'maxInvocationsPerWorkgroup'>

type Workgroups = Extract<Computation, { readonly kind: 'workgroups' }>

const BYTES = 4

export function checkWorkgroups(computation: Workgroups, limits: KernelLimits, check: Check): void {
  const { workgroups, workgroupSize, shared, body } = computation
  const { report } = check
  report.at('workgroup', () => checkLimits(computation, limits, report))
  const samples = sizesOf(check.kernel).flatMap((dims) => {
    const count = evaluate(workgroups, dims)
    const known = new Map([
      ['workgroup', below(count)],
      ['thread', below(workgroupSize)],
    ])
    return count > 0 ? [createSample(dims, known)] : []
  })
  const reserved = ['workgroup', 'thread'].map((name) => [name, given('u32')] as const)
  checkStatements(body, rootScope(reserved, arraysOf(shared, report), samples), check)
  // both follow names, which must be right
  if (!report.isEmpty) return
  checkSynchronization(body, report)
  findRaces(computation, (s, message) => report.faultAt(s, message))
}

function checkLimits({ workgroupSize, shared, body }: Workgroups, limits: KernelLimits, report: Report): void {
  const reduced = new Set(allStatements(body).flatMap((s) => (s.kind === 'all-reduce' ? [s.type] : [])))
  const bytes = BYTES * (shared.reduce((sum, { length }) => sum + length, 0) + reduced.size * workgroupSize)
  if (bytes > limits.maxWorkgroupStorageBytes)
    report.fault(`it needs ${bytes} bytes of workgroup memory; ${limits.name} has ${limits.maxWorkgroupStorageBytes}`)
  if (workgroupSize > limits.maxInvocationsPerWorkgroup)
    report.fault(`it has ${workgroupSize} threads; ${limits.name} allows ${limits.maxInvocationsPerWorkgroup}`)
}

function arraysOf(shared: readonly SharedArray[], report: Report): Map<string, LocalArray> {
  const arrays = new Map<string, LocalArray>()
  for (const { name, type, length } of shared) {
    if (arrays.has(name)) report.faultAt('workgroup', `two shared arrays are named ${name}`)
    arrays.set(name, { type, length })
  }
  return arrays
}
