import { expect, test } from 'vitest'
import { MOVEMENTS } from '../../compiler/graph/families.ts'
import type { Node } from '../../compiler/graph/node.ts'
import { OP_NAMES } from '../../compiler/graph/params.ts'
import type { OpName } from '../../compiler/graph/vocabulary.ts'
import { isElementwise, isMovement, keepsPlaces } from '../../compiler/ops/kinds.ts'

const opsThat = (is: (node: Node) => boolean): readonly OpName[] => OP_NAMES.filter((op) => is({ op } as Node))

test('of the movements of operand 0, all but the gather are movements by their record', () => {
  expect([...MOVEMENTS].filter((op) => !opsThat(isMovement).includes(op))).toEqual(['take'])
})

test('beside elementwise ops, a reshape alone keeps the place of each element', () => {
  expect(opsThat((node) => keepsPlaces(node) && !isElementwise(node))).toEqual(['reshape'])
})
