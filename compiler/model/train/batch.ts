/** `batch B = 16, S = 64`: the sizes of all dims that are open until a run. */
import type { BatchStatement } from '../../../grammar/ast.ts'
import type { Span } from '../../../grammar/source.ts'
import { emptyTable } from '../../../plan/table.ts'
import { complain, type Frame } from '../context/context.ts'
import { isLost, nearest } from '../context/names.ts'
import type { Static } from '../static/static.ts'
import { settingOf } from '../methods/method.ts'
import { int } from '../methods/setting.ts'

const SIZE = int('size of the dim in a micro-batch', null, { from: 1, to: 2 ** 31 - 1 })

export function readBatch(frame: Frame, { sizes }: BatchStatement): Readonly<Record<string, Static>> {
  const given = emptyTable<Static>()
  for (const { name, value: node } of sizes) {
    if (name === null) continue
    if (Object.hasOwn(given, name.text))
      complain(frame, { code: 'SMOE3005', message: `${name.text} is given twice`, span: name.span })
    const value = settingOf(frame, node, SIZE, name.text)
    if (value !== null) given[name.text] = value
  }
  return given
}

/** Reports dims without a size, and names that are not dims. */
export function checkBatch(frame: Frame, statement: BatchStatement | null, head: Span): void {
  const {
    declaration,
    context: { runDims },
  } = frame
  const sizes = statement?.sizes ?? []
  for (const { name } of sizes) {
    if (name === null || runDims.has(name.text) || isLost(frame, name.text)) continue
    const isParameter = declaration.parameters.some((one) => one.name.text === name.text)
    const help = isParameter
      ? `${name.text} is a parameter of the model, not a dim of an input`
      : nearest(name, () => runDims).help
    complain(frame, {
      code: 'SMOE2001',
      message: `no input has a dim ${name.text} that is open until run time`,
      span: name.span,
      help,
    })
  }
  const missing = [...runDims].filter((dim) => !sizes.some(({ name }) => name?.text === dim))
  if (missing.length === 0 || declaration.isPartial) return
  const span = statement?.span ?? head
  complain(frame, {
    code: 'SMOE2013',
    message: `the batch has no size for ${missing.join(' and ')}`,
    span,
    help: `batch ${missing.map((dim) => `${dim} = ...`).join(', ')}`,
  })
}
