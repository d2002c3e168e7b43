/**
 * The kernels of a program as a listing: what each computes, its template and why, and what was refused: faster templates, and
 * fusions.
 */
import { listRefused } from '../kernel/fusion/list-refused.ts'
import type { RefusedNode } from '../kernel/not-fused.ts'
import type { Kernel, Plan, Program } from '../../plan/plan.ts'

const place = (kernel: Kernel): string => {
  const first = kernel.places[0]?.place
  return first === undefined ? '' : `${first.path}:${first.line}`
}

/** `refused` has for each step what could have been fused with it. */
export function printKernels(plan: Plan, program: Program, refused: readonly (readonly RefusedNode[])[]): string {
  const condition =
    program === plan.once
      ? 'when weights are loaded'
      : program.when === null
        ? 'otherwise'
        : `when ${program.when.dim} <= ${program.when.atMost}`
  const rows = program.steps.map((step, at) => {
    const kernel = plan.kernels[step.kernel]
    return [String(at + 1), step.label, kernel.template, `${kernel.workgroupSize[0]} x ${step.workgroups}`, place(kernel)]
  })
  const head = ['#', 'computes', 'template', 'threads x workgroups', 'at']
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd()
  const lines = [`program ${program.name} (${condition}): ${program.steps.length} dispatches`, '', line(head)]
  program.steps.forEach((step, at) => {
    const kernel = plan.kernels[step.kernel]
    lines.push(line(rows[at]))
    if (kernel.reason !== '') lines.push(`     ${kernel.reason}`)
    for (const { template, reason } of kernel.refused) lines.push(`     not ${template}: ${reason}`)
    for (const { ops, reason } of listRefused(refused[at])) lines.push(`     not fused with ${ops}: ${reason}`)
  })
  return lines.join('\n')
}
