import { expect, it } from 'vitest'
import { compile } from '../../compiler/compile.ts'
import { signatureOf } from '../../compiler/emit/signature.ts'
import { PORTABLE } from '../../plan/target.ts'
import { load, read, root } from '../support/sources.ts'

it.each(['04-mixtral', '08-choices', '10-published-shared'])('is what the plan of %s says', (name) => {
  const { graph, plan } = compile(read(`${root}examples/${name}.smoe`), { load, target: PORTABLE })
  const { model, dims, bounds, inputs } = plan!
  const withoutBuffers = inputs.map(({ buffer: _, ...port }) => port)
  expect(signatureOf(graph!)).toEqual({ model, dims, ...(bounds === undefined ? {} : { bounds }), inputs: withoutBuffers })
})
