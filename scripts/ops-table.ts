/** The table of ops, from their records. */
import { OP_NAMES } from '../compiler/graph/params.ts'
import type { Accuracy, OpKind } from '../compiler/ops/record.ts'
import { records } from '../compiler/ops/records.ts'

const HEADINGS: { readonly [K in OpKind]: string } = {
  leaf: 'Leaves',
  elementwise: 'Elementwise',
  movement: 'Movement',
  reduction: 'Reductions',
  contraction: 'Matrix products',
  indexed: 'By index',
  routed: 'By expert',
  custom: 'Custom kernels',
}

function accuracyText(accuracy: Accuracy): string {
  switch (accuracy.kind) {
    case 'exact':
      return 'exact'
    case 'ulp':
      return accuracy.n === 0.5 ? 'correctly rounded' : `${accuracy.n} ulp`
    case 'absolute':
      return `absolute ${accuracy.error.toExponential(1)}`
    case 'inherited':
      return `as ${accuracy.from}`
    default:
      return accuracy satisfies never
  }
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

function section(kind: OpKind): string {
  const rows = OP_NAMES.filter((op) => records[op].kind === kind).map((op) => {
    const { formula, doc, accuracy } = records[op]
    return `| \`${op}\` | \`${cell(formula)}\` | ${cell(doc)} | ${cell(accuracyText(accuracy))} |`
  })
  return `## ${HEADINGS[kind]}\n\n| op | formula | meaning | accuracy on a device |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
}

const INTRODUCTION = `# The ops of the tensor language

Written by \`node scripts/run.mjs scripts/write-ops.ts\` from the records in \`compiler/ops\`. The meaning is that of real numbers, worked out in f64 by
the reference; the last column says how far a device that computes in f32 may be from it. \`i32\` wraps at 32 bits. A \`bool\` is 0 or 1.
`

/** What docs/ops.md holds. */
export const opsTable = (): string => [INTRODUCTION, ...(Object.keys(HEADINGS) as OpKind[]).map(section)].join('\n')
