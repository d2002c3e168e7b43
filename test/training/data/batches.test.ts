import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RecipeInput } from '../../../plan/recipe.ts'
import { orderedBatches, shuffledBatches, START, type Position } from '../../../training/data/batches.ts'
import type { StreamData } from '../../../training/data/data.ts'
import { fingerprint } from '../../../training/data/fingerprint.ts'
import { fit } from '../../../training/data/fit.ts'
import { imageData } from '../../../training/data/images.ts'
import { joinData } from '../../../training/data/join.ts'
import { split } from '../../../training/data/split.ts'
import { textData } from '../../../training/data/text.ts'
import { assertProperty } from '../../support/property.ts'

const counting = (length: number): StreamData => ({
  kind: 'stream',
  name: 'count',
  tokens: Int32Array.from({ length }, (_, at) => at),
  vocabulary: null,
})
const sequence = (batch: number, length: number, below: number | null = null): readonly RecipeInput[] =>
  ['tokens', 'targets'].map((name) => ({ name, dtype: 'i32', shape: [batch, length], below }))
const pictures = (batch: number, width: number, below = 10): readonly RecipeInput[] => [
  { name: 'pixels', dtype: 'f32', shape: [batch, width], below: null },
  { name: 'labels', dtype: 'i32', shape: [batch], below },
]
const images = imageData('1,2,0\n3,4,1\n5,6,2\n7,8,3\n9,10,4', 'a.csv')

describe('windows', () => {
  test('in the order of the file, side by side, targets moved on by one', () => {
    const batches = [...orderedBatches(fit(counting(14), sequence(2, 3), null), Infinity)]
    expect(batches.map(({ tokens }) => [...tokens.data])).toEqual([
      [0, 1, 2, 3, 4, 5],
      [6, 7, 8, 9, 10, 11],
    ])
    expect([...batches[1].targets.data]).toEqual([7, 8, 9, 10, 11, 12])
    expect(batches[0].tokens.shape).toEqual([2, 3])
    expect([...orderedBatches(fit(counting(14), sequence(2, 3), null), 1)].length).toBe(1)
  })

  test('in an epoch every window comes once, none twice, and all that is read is there', () => {
    assertProperty(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 2, max: 80 }),
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        (batch, length, tokens, moved) => {
          fc.pre(tokens > length)
          const examples = fit(counting(tokens), sequence(batch, length), () => moved)
          const next = shuffledBatches(examples, 3)
          const starts: number[] = []
          let position: Position = START
          while (position.epoch < 2) {
            const taken = next(position)
            for (let row = 0; row < batch; row++) {
              const window = [...taken.inputs.tokens.data.subarray(row * length, (row + 1) * length)]
              expect([...taken.inputs.targets.data.subarray(row * length, (row + 1) * length)]).toEqual(
                window.map((token) => token + 1),
              )
              expect(window[window.length - 1]).toBeLessThan(tokens - 1)
              starts.push(window[0])
            }
            position = taken.next
          }
          const epoch = starts.slice(0, examples.count).sort((a, b) => a - b)
          for (const [at, start] of epoch.entries()) expect(start).toBe(epoch[0] + at * length)
          expect(starts.slice(examples.count, 2 * examples.count).sort((a, b) => a - b)).toEqual(epoch)
        },
      ),
      60,
    )
  })

  test('slide: with each epoch other boundaries', () => {
    const examples = fit(counting(100), sequence(1, 10), (epoch) => epoch / 10)
    const first = (epoch: number): number => {
      const into = { tokens: new Int32Array(10), targets: new Int32Array(10) }
      examples.read(0, epoch, into, 0)
      return into.tokens[0]
    }
    expect([0, 1, 5, 9].map(first)).toEqual([0, 1, 5, 9])
    expect(examples.count).toBe(8)
  })
})

test('a batch is made of its position alone, and goes over the end of an epoch', () => {
  const examples = fit(images, pictures(2, 2), null)
  const next = shuffledBatches(examples, 1)
  const all: string[] = []
  const positions: Position[] = []
  for (let position = START, step = 0; step < 10; step++) {
    const { inputs, next: after } = next(position)
    positions.push(position)
    all.push(`${inputs.pixels.data.join()} ${inputs.labels.data.join()}`)
    position = after
  }
  expect(positions.slice(0, 5)).toEqual([
    { epoch: 0, offset: 0 },
    { epoch: 0, offset: 2 },
    { epoch: 0, offset: 4 },
    { epoch: 1, offset: 1 },
    { epoch: 1, offset: 3 },
  ])
  for (const step of [7, 2, 9]) {
    const { inputs } = shuffledBatches(examples, 1)(positions[step])
    expect(`${inputs.pixels.data.join()} ${inputs.labels.data.join()}`).toBe(all[step])
  }
  // the pixels go with their labels
  for (const words of all) {
    const [pixels, labels] = words.split(' ').map((part) => part.split(',').map(Number))
    expect(pixels).toEqual(labels.flatMap((label) => [2 * label + 1, 2 * label + 2]))
  }
  expect(all.join()).not.toBe([...orderedBatches(examples, 5)].join())
  const labels = all.flatMap((words) => words.split(' ')[1].split(',').map(Number))
  for (const epoch of [0, 1, 2, 3]) expect(labels.slice(5 * epoch, 5 * epoch + 5).sort()).toEqual([0, 1, 2, 3, 4])
})

describe('what does not fit is told', () => {
  test.each([
    [() => fit(counting(4), sequence(1, 4), null), 'count: 4 tokens are too few; an example has 5, 4 and the next one'],
    [() => fit(counting(20), sequence(1, 4, 15), null), 'count: token 15 is 15, the model expects 0 to 14 as tokens'],
    [
      () => fit(textData([{ name: 'a.txt', text: 'abcdefg' }]), sequence(1, 2, 6), null),
      'a.txt has a vocabulary of 7 characters, the model expects tokens below 6',
    ],
    [
      () =>
        fit(
          counting(20),
          sequence(1, 4, 15).map((input) => ({ ...input, ignored: -100 })),
          null,
        ),
      'count: token 15 is 15, the model expects 0 to 14, and -100 as tokens',
    ],
    [() => fit(images, pictures(1, 2, 3), null), 'a.csv, line 4, column 3: labels has 3, the model expects 0 to 2'],
    [() => fit(images, pictures(1, 3), null), 'the model expects pixels as f32[3], a.csv has pixels f32[2]'],
    [() => fit(images, sequence(1, 2), null), 'the model expects tokens; a.csv has pixels f32[2], labels i32[]'],
    [() => fit(counting(20), pictures(1, 2), null), 'the model expects pixels; count has tokens i32[2], targets i32[2]'],
    [() => fit(images, [], null), 'the model has no inputs to train with'],
    [
      () => fit(images, [...pictures(2, 2), { name: 'more', dtype: 'f32', shape: [3], below: null }], null),
      'the input more has 3 rows, pixels has 2',
    ],
    [() => fit(images, [{ name: 'pixels', dtype: 'f32', shape: [], below: null }], null), 'the input pixels is a scalar'],
  ])('%#', (fails, message) => expect(fails).toThrow(message))

  test('after a split the lines are still those of the file', () => {
    const { training, validation } = split(images, 0.4)
    const line = [training, validation].map((part) => {
      try {
        fit(part, pictures(1, 2, 2), null)
        return ''
      } catch (error) {
        return (error as Error).message
      }
    })
    expect(line.filter((message) => /line [345], column 3: labels has [234]/.test(message)).length).toBeGreaterThan(0)
    for (const message of line)
      if (message !== '') expect(Number(/line (\d)/.exec(message)?.[1]) - 1).toBe(Number(/has (\d)/.exec(message)?.[1]))
  })

  test('a label that is ignored fits, wherever it lies', () => {
    for (const [ignored, line] of [
      [-100, '9,10,-100'],
      [255, '9,10,255'],
    ] as const) {
      const data = imageData(`1,2,0\n3,4,1\n${line}`, 'b.csv')
      const labels = (inputs: readonly RecipeInput[]) => [...[...orderedBatches(fit(data, inputs, null), 1)][0].labels.data]
      expect(labels(pictures(3, 2, 2).map((input) => (input.below === null ? input : { ...input, ignored })))).toEqual([
        0,
        1,
        ignored,
      ])
      expect(() => labels(pictures(3, 2, 2))).toThrow(`labels has ${ignored}, the model expects 0 to 1`)
    }
  })

  test('the input that the loop feeds itself is none of the data', () => {
    const inputs = [...pictures(1, 2), { name: 'random', dtype: 'i32', shape: [2], below: null } as const]
    expect(fit(images, inputs, null).inputs.map(({ name }) => name)).toEqual(['pixels', 'labels'])
  })
})

describe('split', () => {
  test('of a stream the end is set aside', () => {
    const { training, validation } = split(counting(10), 0.25)
    expect([training, validation].map((part) => [...(part as StreamData).tokens])).toEqual([
      [0, 1, 2, 3, 4, 5, 6, 7],
      [8, 9],
    ])
  })

  test('of rows each is in one part, pixels with their labels', () => {
    const parts = split(images, 0.4)
    const rows = [parts.training, parts.validation].map((part) => {
      if (part.kind !== 'rows') throw new Error('rows stay rows')
      return Array.from(part.columns.labels, (label, at) => `${label}:${part.columns.pixels[2 * at]}`)
    })
    expect(rows.map(({ length }) => length)).toEqual([3, 2])
    expect(rows.flat().sort()).toEqual(['0:1', '1:3', '2:5', '3:7', '4:9'])
    expect(split(images, 0.4)).toEqual(parts)
    expect(split(images, 0).training).toEqual(images)
  })
})

test('files are joined where they are alike', () => {
  const joined = joinData([images, imageData('1,2,9', 'b.csv')])
  expect(joined).toMatchObject({ name: 'a.csv, b.csv', count: 6, columns: { labels: Int32Array.of(0, 1, 2, 3, 4, 9) } })
  expect(joinData([counting(2), counting(1)])).toMatchObject({ tokens: Int32Array.of(0, 1, 0) })
  expect(() => joinData([images, imageData('1,9', 'b.csv')])).toThrow(
    'b.csv: has pixels f32[1], labels i32[], a.csv has pixels f32[2], labels i32[]',
  )
  expect(() => joinData([images, counting(3)])).toThrow('count: is not of the same kind as a.csv')
})

test('a fingerprint tells examples apart, not names', () => {
  expect(fingerprint({ ...counting(9), name: 'other' })).toBe(fingerprint(counting(9)))
  const all = [counting(9), counting(10), images, imageData('1,2,0\n3,4,1\n5,6,2\n7,8,3\n9,11,4', 'a.csv')].map(fingerprint)
  expect(new Set(all).size).toBe(4)
  expect(all[0]).toMatch(/^9 tokens, [0-9a-f]{8}$/)
})
