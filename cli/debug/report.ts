/** What `smoe debug` prints: a table of stages, and the place of the first difference. */
import { excerpt } from '../../grammar/frame.ts'
import { printKernel } from '../../compiler/kernel/ir/print.ts'
import type { Dim } from '../../plan/dim.ts'
import { plural, table } from '../output.ts'
import type { Comparison, Mismatch } from './compare.ts'
import type { Finding, KernelPlace, Stage } from './stage.ts'

const HEAD = ['stage', 'compared', 'largest difference', 'undetermined']

function differenceWords({ elements, largest, mismatch }: Comparison): string {
  if (mismatch !== null) return 'beyond the accuracy of the ops'
  if (elements === 0) return ''
  return largest === 0 ? 'none' : largest.toExponential(1)
}

const row = ({ name, compared, comparison }: Stage): readonly string[] => [
  name,
  compared,
  differenceWords(comparison),
  comparison.undetermined === 0 ? '' : plural(comparison.undetermined, 'value'),
]

export const stageTable = (stages: readonly Stage[]): string => table([HEAD, ...stages.map(row)])

const number = (x: number): string => (Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(9))))

const elementText = ({ indices, got, want, allowed }: Mismatch): string =>
  `[${indices.join(', ')}] is ${number(got)}, expected ${number(want)}; the allowed error is ${allowed === 0 ? '0' : allowed.toExponential(1)}`

const typeText = ({ shape, dtype }: { readonly shape: readonly Dim[]; readonly dtype: string }): string =>
  `${dtype}[${shape.map(({ key }) => key).join(', ')}]`

function kernelLines({ program, number: at, count, kernel, emitted }: KernelPlace): readonly (readonly [string, string])[] {
  return [
    ['kernel', `${emitted.name}, dispatch ${at} of ${count} in program ${program}`],
    ['template', `${emitted.template}: ${emitted.reason}`],
    ['computes', kernel.does],
  ]
}

/** The code of a kernel for people: its shader, or the kernel itself where the code is not text. */
const codeOf = ({ emitted, kernel }: KernelPlace): string => ('wgsl' in emitted ? emitted.wgsl : printKernel(kernel))

/** The finding for people; with `source`, the shader too. */
export function findingText({ message, mismatch, value, node, kernel }: Finding, source: boolean, color: boolean): string {
  const instance = node.origin.instance === '' ? '' : ` in ${node.origin.instance}`
  const facts = [
    ...(kernel === null ? [] : kernelLines(kernel)),
    ['value', `${value}: ${typeText(node)}${instance}`],
    ['element', elementText(mismatch)],
  ].map(([name, text]) => `  ${name.padEnd(9)} ${text}`)
  const place = node.origin.span === null ? [] : ['', excerpt(node.origin.span, 'computed here', { color })]
  const shader = source && kernel !== null ? ['', codeOf(kernel).trimEnd()] : []
  return `${[`${message}:`, ...facts, ...place, ...shader].join('\n')}\n`
}

/** For `--format json`. */
export const stageJson = ({ name, compared, comparison: { elements, undetermined, largest } }: Stage): object => ({
  stage: name,
  compared,
  elements,
  undetermined,
  largest,
})

export function findingJson({ message, mismatch, value, node, kernel }: Finding, place: object | null): object {
  return {
    message,
    value,
    op: node.op,
    instance: node.origin.instance,
    ...mismatch,
    place,
    kernel:
      kernel === null
        ? null
        : {
            program: kernel.program,
            dispatch: kernel.number,
            name: kernel.emitted.name,
            template: kernel.emitted.template,
            reason: kernel.emitted.reason,
            computes: kernel.kernel.does,
            ...('wgsl' in kernel.emitted ? { wgsl: kernel.emitted.wgsl } : { text: codeOf(kernel) }),
          },
  }
}
