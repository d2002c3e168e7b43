/** The interpreter of the scalar IR: threads of a workgroup that synchronize. */
import { describe, expect, it } from 'vitest'
import { binary, add, element, u32, variable } from '../../compiler/scalar/build.ts'
import type { Statement } from '../../compiler/scalar/expression.ts'
import { createInterpreter, createThread } from '../../compiler/scalar/interpret.ts'

const runner = createInterpreter()
const thread = variable('u32', 'thread')
const [count, seen] = [variable('u32', 'count'), variable('u32', 'seen')]
const put = (array: string, index: typeof thread, value: typeof thread): Statement => ({
  kind: 'assign-element',
  array,
  index,
  value,
})

/** The workgroup's array after four threads have run. */
function run(body: readonly Statement[]): readonly number[] {
  const shared = new Map([['x', new Float64Array(4)]])
  runner.runWorkgroup(
    body,
    { dims: {}, buffers: new Map(), shared },
    [0, 1, 2, 3].map((at) => createThread({ thread: at })),
  )
  return [...shared.get('x')!]
}

describe('whole numbers', () => {
  const machine = { dims: {}, buffers: new Map(), shared: new Map() }
  const product = (type: 'i32' | 'u32', a: number, b: number): number =>
    runner.value(binary('multiply', variable(type, 'a'), variable(type, 'b')), machine, createThread({ a, b }))

  it('wrap, to the last bit', () => {
    expect(product('i32', 0x7fffffff, 0x7fffffff)).toBe(1)
    expect(product('i32', -0x80000000, 3)).toBe(-0x80000000)
    expect(product('u32', 0xffffffff, 0xffffffff)).toBe(1)
    expect(product('u32', 0xfffffffe, 1)).toBe(0xfffffffe)
  })
})

describe('a workgroup', () => {
  it('repeats a loop while its condition holds', () => {
    const body: Statement[] = [
      { kind: 'assign', name: 'count', value: add(count, u32(1)) },
      { kind: 'if', condition: binary('equal', thread, u32(2)), body: [put('x', u32(0), count)], otherwise: [] },
      { kind: 'uniform-load', name: 'seen', array: 'x', index: u32(0) },
    ]
    const after = run([
      { kind: 'var', name: 'count', value: u32(0) },
      { kind: 'loop', body, while: binary('less', seen, u32(5)) },
      put('x', thread, count),
    ])
    expect(after).toEqual([5, 5, 5, 5])
  })

  it('goes through barriers inside of loops and branches, one region between two barriers after the other', () => {
    const neighbour = element('u32', 'x', binary('remainder', add(thread, u32(1)), u32(4)))
    const shift: Statement[] = [
      { kind: 'let', name: 'next', value: neighbour },
      { kind: 'barrier' },
      put('x', thread, variable('u32', 'next')),
      { kind: 'barrier' },
    ]
    const turns: Statement = { kind: 'for', variable: 'turn', from: u32(0), below: u32(2), step: u32(1), body: shift }
    expect(
      run([
        put('x', thread, thread),
        { kind: 'barrier' },
        { kind: 'if', condition: binary('less', u32(0), u32(1)), body: [turns], otherwise: [] },
      ]),
    ).toEqual([2, 3, 0, 1])
  })

  it('shows where a barrier is missing: one thread runs ahead of the next', () => {
    const neighbour = element('u32', 'x', binary('remainder', add(thread, u32(1)), u32(4)))
    expect(run([put('x', thread, thread), { kind: 'barrier' }, put('x', thread, neighbour)])).toEqual([1, 2, 3, 1])
  })

  it.each<[string, Statement]>([
    ['branch', { kind: 'if', condition: binary('less', thread, u32(2)), body: [{ kind: 'barrier' }], otherwise: [] }],
    ['loop', { kind: 'loop', body: [], while: binary('less', thread, u32(2)) }],
    ['bound', { kind: 'for', variable: 'i', from: u32(0), below: thread, step: u32(1), body: [{ kind: 'barrier' }] }],
  ])('refuses divergent control flow at a %s with a barrier', (_, statement) => {
    expect(() => run([statement])).toThrow('control flow is not uniform')
  })
})
