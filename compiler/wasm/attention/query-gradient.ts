/** The gradient of queries: each goes through the keys that it sees, block by block. */
import { keep, scale } from '../integers.ts'
import { forRange } from '../loops.ts'
import { BLOCK, forPairs, loadVector, meets, meetsWholly, otherRange, PAIR, rowsOf, VECTOR, type Frame } from './frame.ts'
import { clear, fillPack, fillPanel, gangAddress, ownAddress, packBytes, panelBytes, storePanel } from './panels.ts'
import { pairGradients } from './pairs.ts'
import { addRows, multiplyRows } from './products.ts'
import { forGangs, SCORES } from './scores.ts'

export function emitQueryGradient(frame: Frame, isRelaxed: boolean): void {
  const { body, region, attention, others } = frame
  const { rows, C, W } = attention
  const own = (bytes: number): number => ownAddress(frame, region.reserve(bytes))
  const [queries, cotangents, totals] = [own(panelBytes(rows, C)), own(panelBytes(rows, W)), own(panelBytes(rows, C))]
  const [lse, delta] = [own(panelBytes(rows, 1)), own(panelBytes(rows, 1))]
  const [scores, shares] = [own(PAIR * SCORES), own(PAIR * SCORES)]
  const [keyPack, valuePack] = [own(packBytes(C)), own(packBytes(W))]
  const [keys, values] = [rowsOf(frame, 'key', C, 'keys'), rowsOf(frame, 'value', W, 'keys')]
  fillPanel(frame, queries, rowsOf(frame, 'query', C, 'queries'), C, attention.scale)
  fillPanel(frame, cotangents, rowsOf(frame, 'cotangent', W, 'queries'), W)
  fillPanel(frame, lse, rowsOf(frame, 'lse', 1, 'queries'), 1)
  fillPanel(frame, delta, rowsOf(frame, 'delta', 1, 'queries'), 1)
  clear(body, totals, panelBytes(rows, C))
  const { from, below } = otherRange(frame)
  body.get(from)
  forRange(body, below, BLOCK, (block) => {
    fillPack(frame, keyPack, keys, C, block, others)
    fillPack(frame, valuePack, values, W, block, others)
    forPairs(frame, (pair, first, last) => {
      meets(frame, block, first, last)
      body.when(() => {
        const gang = keep(body, () => scale(body, pair, PAIR))
        const place = (panel: number, width: number): number => gangAddress(body, panel, gang, width)
        multiplyRows(body, { address: place(queries, C), depth: C }, keyPack, scores, isRelaxed)
        multiplyRows(body, { address: place(cotangents, W), depth: W }, valuePack, shares, isRelaxed)
        const [lseHere, deltaHere] = [place(lse, 1), place(delta, 1)]
        forGangs(
          frame,
          first,
          () => meetsWholly(frame, block, first, last),
          (at, visible) => {
            const saved = { lse: loadVector(body, lseHere, at * VECTOR), delta: loadVector(body, deltaHere, at * VECTOR) }
            pairGradients(frame, { scores, shares }, at, block, visible, () => saved, null)
          },
        )
        addRows(body, scores, keyPack, { address: place(totals, C), width: C, factors: null }, isRelaxed)
      })
    })
  })
  storePanel(frame, totals, rowsOf(frame, 'query_result', C, 'queries'), C)
}
