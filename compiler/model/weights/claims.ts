/** Weight paths: each must name one weight. */
import type { Span } from '../../../grammar/source.ts'
import { complain, type Branch, type Frame } from '../context/context.ts'

/** Whether two uses exclude each other: they are in two branches of one conditional. */
const excludes = (a: readonly Branch[], b: readonly Branch[]): boolean =>
  a.some((x) => b.some((y) => x.of === y.of && x.side !== y.side))

/** Two instances with weights never share a path. */
export function claimPath(frame: Frame, path: readonly string[], span: Span, name: string): void {
  const { paths, isAlone } = frame.context
  const key = path.join('.')
  const claims = paths.get(key) ?? []
  paths.set(key, [...claims, { span, branches: frame.branches }])
  // what excludes what is known only once the parameters have values
  const first = claims.find(
    ({ branches }) => !excludes(branches, frame.branches) && !(isAlone && branches.length + frame.branches.length > 0),
  )
  if (first === undefined) return
  const label = path.at(-1)!
  complain(frame, {
    code: 'SMOE2009',
    message: `two instances have the same weight path ${key}`,
    span,
    related: [{ span: first.span, message: 'the first' }],
    help: `name one of them with ${name}(...) as ${label}_2`,
  })
}
