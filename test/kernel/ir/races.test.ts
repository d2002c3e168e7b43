import { expect, test } from 'vitest'
import { dim } from '../../../plan/dim.ts'
import { findRaces } from '../../../compiler/kernel/ir/races.ts'
import { add, element, f32, less, remainder, u32 } from '../../../compiler/scalar/build.ts'
import type { Statement } from '../../../compiler/scalar/expression.ts'
import { BARRIER, THREAD, WORKGROUP, define, setElement, store, when } from '../../../compiler/scalar/statements.ts'

/** The races of a body that four threads of two workgroups run, over a shared array `s`. */
function racesOf(...body: readonly Statement[]): readonly string[] {
  const found: string[] = []
  const shared = [{ name: 's', type: 'f32', length: 4 } as const]
  findRaces({ kind: 'workgroups', workgroups: dim(2), workgroupSize: 4, shared, body }, (_, message) => found.push(message))
  return found
}

const next = element('f32', 's', remainder(add(THREAD, u32(1)), u32(4)))

test('threads that each write an element of their own do not race', () => {
  expect(racesOf(setElement('s', THREAD, f32(1)))).toEqual([])
  expect(racesOf(when(less(THREAD, u32(1)), [setElement('s', u32(0), f32(1))]))).toEqual([])
})

test('threads that write one element race', () => {
  expect(racesOf(setElement('s', u32(0), f32(1)))).toEqual(['all 4 threads write one element of s'])
  expect(racesOf(setElement('s', remainder(THREAD, u32(2)), f32(1)))).toEqual(['thread 0 and thread 2 both write s[0]'])
})

test('a read of what another thread writes wants a barrier between', () => {
  const write = setElement('s', THREAD, f32(1))
  expect(racesOf(write, BARRIER, define('a', next))).toEqual([])
  expect(racesOf(write, define('a', next))[0]).toMatch(/thread \d and thread \d access s\[\d\] with no barrier between/)
})

test('workgroups that store the same elements race', () => {
  expect(racesOf(store('y', THREAD, f32(1)))).toEqual(['all workgroups write the same elements of @y'])
  expect(racesOf(store('y', add(WORKGROUP, THREAD), f32(1)))).toEqual([])
})
