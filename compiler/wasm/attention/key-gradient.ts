/** The gradients of keys and values: each key goes through the queries that see it, block by block of each head of its group. */
import { mayBeBlind } from '../../kernel/ir/attention.ts'
import { UNSEEN } from '../../ops/attention.ts'
import { emitDim } from '../gang/dim.ts'
import { combine, keep, minimum, addConstant, scale } from '../integers.ts'
import { forRange } from '../loops.ts'
import { BLOCK, forPairs, keepVector, meets, meetsWholly, otherRange, PAIR, rowsOf, type Frame, type Rows } from './frame.ts'
import { clear, fillPack, fillPanel, gangAddress, ownAddress, packBytes, panelBytes, storePanel } from './panels.ts'
import { pairGradients, type Saved } from './pairs.ts'
import { addRows, multiplyRows } from './products.ts'
import { forGangs, SCORES } from './scores.ts'

export function emitKeyGradient(frame: Frame, isRelaxed: boolean): void {
  const { body, region, attention, others } = frame
  const { rows, C, W, buffers, R } = attention
  const own = (bytes: number): number => ownAddress(frame, region.reserve(bytes))
  const [toKey, toValue] = [buffers.key_result !== undefined, buffers.value_result !== undefined]
  const [keys, values] = [own(panelBytes(rows, C)), own(panelBytes(rows, W))]
  const [keyTotals, valueTotals] = [own(panelBytes(rows, C)), own(panelBytes(rows, W))]
  const [scores, shares] = [own(PAIR * SCORES), own(PAIR * SCORES)]
  const [queryPack, cotangentPack] = [own(packBytes(C)), own(packBytes(W))]
  fillPanel(frame, keys, rowsOf(frame, 'key', C, 'keys'), C, attention.scale)
  if (toKey) fillPanel(frame, values, rowsOf(frame, 'value', W, 'keys'), W)
  clear(body, keyTotals, panelBytes(rows, C))
  clear(body, valueTotals, panelBytes(rows, W))
  const { from, below } = otherRange(frame)
  const heads = keep(body, () => emitDim(region, R))
  body.i32(0)
  forRange(body, heads, 1, (r) => {
    const [queries, cotangents] = [rowsOf(frame, 'query', C, 'queries', r), rowsOf(frame, 'cotangent', W, 'queries', r)]
    const [lse, delta] = [rowsOf(frame, 'lse', 1, 'queries', r), rowsOf(frame, 'delta', 1, 'queries', r)]
    body.get(from)
    forRange(body, below, BLOCK, (block) => {
      fillPack(frame, queryPack, queries, C, block, others)
      fillPack(frame, cotangentPack, cotangents, W, block, others)
      forPairs(frame, (pair, first, last) => {
        meets(frame, block, first, last)
        body.when(() => {
          const gang = keep(body, () => scale(body, pair, PAIR))
          const place = (panel: number, width: number): number => gangAddress(body, panel, gang, width)
          multiplyRows(body, { address: place(keys, C), depth: C }, queryPack, scores, isRelaxed)
          if (toKey) multiplyRows(body, { address: place(values, W), depth: W }, cotangentPack, shares, isRelaxed)
          forGangs(
            frame,
            first,
            () => meetsWholly(frame, block, first, last),
            (at, visible) =>
              pairGradients(
                frame,
                { scores, shares },
                at,
                block,
                visible,
                (other) => savedAt(frame, lse, delta, other),
                toValue ? (share, saved) => weight(frame, share, saved) : null,
              ),
            r,
          )
          const sums = (panel: number, width: number) => ({ address: place(panel, width), width, factors: null })
          if (toKey) addRows(body, scores, queryPack, sums(keyTotals, C), isRelaxed)
          if (toValue) addRows(body, shares, cotangentPack, sums(valueTotals, W), isRelaxed)
        })
      })
    })
  })
  if (toKey) storePanel(frame, keyTotals, rowsOf(frame, 'key_result', C, 'keys'), C)
  if (toValue) storePanel(frame, valueTotals, rowsOf(frame, 'value_result', W, 'keys'), W)
}

/** What the query of a place left behind, the last one again where there is none. */
function savedAt({ body, others }: Frame, lse: Rows, delta: Rows, other: number): Saved {
  const last = keep(body, () => addConstant(body, others, -1))
  const row = keep(body, () => minimum(body, () => body.get(other), last))
  const [a, b] = [lse, delta].map(({ address, stride }) =>
    keepVector(body, () => {
      combine(body, row, 'i32.mul', stride)
      body.get(address)
      body.op('i32.add')
      body.load('v128.load32_splat')
    }),
  )
  return { lse: a, delta: b }
}

/** Leaves the share of a value; a query that sees no key gives all values the same one. */
function weight({ body, attention, all }: Frame, share: number, { lse }: Saved): void {
  if (!mayBeBlind(attention)) return body.get(share)
  body.f32(1)
  body.get(all)
  body.op('f32.convert_i32_u')
  body.op('f32.div')
  body.op('f32x4.splat')
  body.get(share)
  body.get(lse)
  body.f32(UNSEEN)
  body.op('f32x4.splat')
  body.op('f32x4.le')
  body.op('v128.bitselect')
}
