/** Sequences of a session: their lengths, what does not fit, and going back. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compile } from '../../compiler/compile.ts'
import { ArgumentError } from '../../plan/arguments.ts'
import type { Device } from '../../runtime/device.ts'
import { StateError } from '../../runtime/errors.ts'
import { createSequences, type Sequences } from '../../runtime/sequences.ts'
import { createSession } from '../../runtime/session.ts'
import { framed } from '../support/check.ts'
import { open } from '../support/devices.ts'
import { load } from '../support/sources.ts'

let device: Device
beforeAll(async () => void (device = await open('cpu')))
afterAll(() => device.dispose())

/** The running sum of x, by an attention that averages all positions alike. */
const SUMS = `import { attend } from "std/blocks/attention"
model sums() {
  input x: f32[B, S, 1, 1]
  let mean = attend(x * 0.0, x * 0.0, x, scale = 1.0)
  output y = mean * (cast(reshape(positions(x), [B, S, 1]), "f32") + 1.0)
}`

/** The sum of x and of the two before it. */
const TAPS = `model taps() {
  input x: f32[B, S]
  let all = with_previous(x, 2)
  output y = all[:, 0:S] + all[:, 1:S + 1] + all[:, 2:S + 2]
}`

async function openSequences(text: string, sequences: number, longest: number): Promise<Sequences> {
  const source = { path: 'mine.smoe', text }
  const { plan, diagnostics } = compile(source, { load, target: device.target, state: { sequences, longest } })
  if (plan === null) throw new Error(framed(diagnostics))
  return createSequences(await createSession(device, plan))
}

const sums = async (of: Sequences, rows: readonly (readonly number[])[], counts?: readonly number[]) => {
  const shape = [rows.length, rows[0].length, 1, 1]
  const { y } = await of.run({ x: { shape, data: Float32Array.from(rows.flat()) } }, counts)
  return rows.map((row, b) => [...y.data.subarray(b * row.length, (b + 1) * row.length)].map((value) => Math.round(value)))
}

test('runs continue each sequence where it is', async () => {
  const of = await openSequences(SUMS, 2, 6)
  expect([of.sequences, of.longest, of.rewinds]).toEqual([2, 6, true])
  expect(
    await sums(
      of,
      [
        [1, 2],
        [10, 20],
      ],
      [2, 1],
    ),
  ).toEqual([
    [1, 3],
    [10, 30],
  ])
  expect(of.lengths()).toEqual([2, 1])
  // 20 was not one of the second sequence
  expect(await sums(of, [[3], [40]])).toEqual([[6], [50]])
  of.truncate([1, 0])
  expect(await sums(of, [[5], [7]])).toEqual([[6], [7]])
})

test('runs that are asked for at once happen one after the other', async () => {
  const of = await openSequences(SUMS, 1, 6)
  expect(await Promise.all([1, 2, 3].map((x) => sums(of, [[x]])))).toEqual([[[1]], [[3]], [[6]]])
})

test('what does not fit is refused, and the sequence stays as it was', async () => {
  const of = await openSequences(SUMS, 1, 3)
  await sums(of, [[1, 2]])
  await expect(sums(of, [[3, 4]])).rejects.toThrow(new StateError('sequence 0 would have 4 tokens, and 3 are kept at most'))
  await expect(sums(of, [[3]], [2])).rejects.toThrow(new StateError('2 new tokens, and the inputs have 1 positions'))
  await expect(sums(of, [[3]], [1, 1])).rejects.toThrow(new StateError('the new tokens: 2 numbers for 1 sequences'))
  await expect(sums(of, [[3]], [-1])).rejects.toThrow(ArgumentError)
  expect(() => of.truncate([3])).toThrow(new StateError('sequence 0 has 2 tokens, not 3'))
  expect(await sums(of, [[3]])).toEqual([[6]])
})

test('rows that are no tokens of a full sequence are left out', async () => {
  const of = await openSequences(SUMS, 2, 2)
  await sums(
    of,
    [
      [1, 2],
      [3, 0],
    ],
    [2, 1],
  )
  expect((await sums(of, [[9], [4]], [0, 1]))[1]).toEqual([7])
  expect(of.lengths()).toEqual([2, 2])
})

test('a sequence of which the last rows alone are kept begins anew or goes on', async () => {
  const of = await openSequences(TAPS, 1, 9)
  const run = async (...x: readonly number[]) => [
    ...(await of.run({ x: { shape: [1, x.length], data: Float32Array.from(x) } })).y.data,
  ]
  expect(await run(1, 2, 3, 4)).toEqual([1, 3, 6, 9])
  expect(await run(5)).toEqual([12])
  expect(() => of.truncate([2])).toThrow(StateError)
  of.truncate([5])
  expect(await run(6)).toEqual([15])
  of.truncate([0])
  expect(await run(1, 1)).toEqual([1, 2])
})

test('a plan that keeps nothing has no sequences', async () => {
  const { plan } = compile({ path: 'mine.smoe', text: TAPS }, { load, target: device.target })
  const session = await createSession(device, plan!)
  expect(() => createSequences(session)).toThrow('the plan of taps keeps nothing between runs: compile it with a state')
  session.dispose()
})

test('what is kept is saved, and goes on in another session as here', async () => {
  const [first, second] = [await openSequences(SUMS, 2, 6), await openSequences(SUMS, 2, 6)]
  await sums(
    first,
    [
      [1, 2],
      [10, 20],
    ],
    [2, 1],
  )
  const saved = await first.save()
  expect(saved).toMatchObject({ model: 'sums', lengths: [2, 1] })
  // a run after that changes nothing of what was saved
  const next = await sums(first, [[3], [30]])
  await sums(second, [[7], [7]])
  await second.load(saved)
  expect(second.lengths()).toEqual([2, 1])
  expect(await sums(second, [[3], [30]])).toEqual(next)
  expect(next).toEqual([[6], [40]])
  const taps = [await openSequences(TAPS, 1, 6), await openSequences(TAPS, 1, 6)]
  const run = async (of: Sequences, row: readonly number[]) => {
    const { y } = await of.run({ x: { shape: [1, row.length], data: Float32Array.from(row) } })
    return [...y.data]
  }
  await run(taps[0], [1, 2, 3])
  await taps[1].load(await taps[0].save())
  expect(await run(taps[1], [4])).toEqual([9])
})

test('a state that does not fit is refused, and nothing changes', async () => {
  const of = await openSequences(SUMS, 2, 6)
  await sums(of, [[1], [10]])
  const saved = await of.save()
  const [[name, tensor]] = Object.entries(saved.tensors)
  for (const [changes, message] of [
    [{ model: 'other' }, 'it is of other, not of sums'],
    [{ lengths: [1] }, 'it has 1 sequences, not 2'],
    [{ lengths: [1, 7] }, 'a sequence has 7 tokens, and 6 are kept at most'],
    [{ tensors: {} }, 'and is missing'],
    [{ tensors: { ...saved.tensors, more: tensor } }, 'the model keeps no more'],
    [{ tensors: { ...saved.tensors, [name]: { shape: [1], data: new Float32Array(1) } } }, 'not [1]'],
  ] as const) {
    const loading = of.load({ ...saved, ...changes })
    await expect(loading).rejects.toThrow(StateError)
    await expect(loading).rejects.toThrow(message)
  }
  await expect(of.load({ ...saved, lengths: 'x' } as never)).rejects.toThrow(ArgumentError)
  expect(of.lengths()).toEqual([1, 1])
  expect(await sums(of, [[2], [20]])).toEqual([[3], [30]])
})
