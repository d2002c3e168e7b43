import { expect, test } from 'vitest'
import { parseKernel } from '../../../compiler/kernel/ir/parse.ts'
import { verifyKernel } from '../../../compiler/kernel/ir/verify.ts'
import { ELEMENTWISE, GATE, LOOKUP, SORTED } from './verify/planted.ts'

test('the kernels into which faults are planted have none', () => {
  for (const text of [GATE, ELEMENTWISE, LOOKUP, SORTED]) expect(verifyKernel(parseKernel(text))).toEqual([])
})
