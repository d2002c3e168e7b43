/** Describes the differences of two plans. */
import { kernelCode, type Kernel, type Plan } from '../../plan/plan.ts'
import { canonicalPlan } from './canonical.ts'

export interface CompareOptions {
  /** Names that mean nothing to a device, and what is for people alone, may differ. */
  readonly ignoreNames: boolean
  /** Lines of a difference that are shown. */
  readonly lines: number
}

interface Compared {
  readonly kernels: readonly Kernel[]
}

const isPlan = (value: unknown): value is Plan =>
  typeof value === 'object' && value !== null && 'kernels' in value && 'programs' in value

function shown(mark: string, lines: readonly string[], most: number): readonly string[] {
  const more = lines.length - most
  return [...lines.slice(0, most).map((line) => `  ${mark} ${line}`), ...(more > 0 ? [`  ${mark} ... ${more} more`] : [])]
}

/** The lines between what two texts begin and end with alike. */
export function lineDifference(before: string, after: string, most: number): readonly string[] {
  const [a, b] = [before.split('\n'), after.split('\n')]
  const shorter = Math.min(a.length, b.length)
  let start = 0
  while (start < shorter && a[start] === b[start]) start += 1
  let end = 0
  while (end < shorter - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1
  return [
    `  @ line ${start + 1}`,
    ...shown('-', a.slice(start, a.length - end), most),
    ...shown('+', b.slice(start, b.length - end), most),
  ]
}

/** Where two JSON values first differ: `programs.0.steps.3.label`. */
function firstPath(a: unknown, b: unknown, path = ''): string | null {
  if (Object.is(a, b)) return null
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return `${path}: ${JSON.stringify(a)} -> ${JSON.stringify(b)}`
  const keys = new Set([...Object.keys(a), ...Object.keys(b)])
  for (const key of keys) {
    const found = firstPath(
      (a as Record<string, unknown>)[key],
      (b as Record<string, unknown>)[key],
      path === '' ? key : `${path}.${key}`,
    )
    if (found !== null) return found
  }
  return null
}

/** The kernels of either side whose text the other side has not, as often as it has it. */
function apart(kernels: Compared['kernels'], others: Compared['kernels']): readonly string[] {
  const counts = new Map<string, number>()
  for (const code of others.map(kernelCode)) counts.set(code, (counts.get(code) ?? 0) + 1)
  return kernels.map(kernelCode).flatMap((code) => {
    const left = counts.get(code) ?? 0
    counts.set(code, left - 1)
    return left > 0 ? [] : [code]
  })
}

function kernelDifferences(before: Compared, after: Compared, most: number): readonly string[] {
  const [gone, come] = [apart(before.kernels, after.kernels), apart(after.kernels, before.kernels)]
  const pairs = Array.from({ length: Math.max(gone.length, come.length) }, (_, at) => [gone[at], come[at]] as const)
  return pairs.flatMap(([a, b]) => {
    if (a === undefined) return ['  a kernel is new', ...shown('+', b.split('\n'), most)]
    if (b === undefined) return ['  a kernel is gone', ...shown('-', a.split('\n'), most)]
    return lineDifference(a, b, most)
  })
}

/** Lines that say what differs; none where nothing does. Values that are no plans are compared as JSON. */
export function planDifferences(before: unknown, after: unknown, { ignoreNames, lines }: CompareOptions): readonly string[] {
  const [a, b] = ignoreNames ? [before, after].map((plan) => (isPlan(plan) ? canonicalPlan(plan) : plan)) : [before, after]
  const kernels = isPlan(a) && isPlan(b) ? kernelDifferences(a, b, lines) : []
  const path = firstPath(a, b)
  return path === null ? [] : [...kernels, ...(kernels.length === 0 ? [`  ${path}`] : [])]
}
