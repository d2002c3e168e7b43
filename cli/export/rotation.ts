/**
 * Rows of queries and keys in the order of the channels of a head. A rotary embedding turns channels in pairs: of `half-split`
 * rows channel j and the one half a head on, of `interleaved` ones two that are adjacent.
 */
import type { View } from '../../runtime/weights/view.ts'
import type { RotatedPairs } from '../import/gguf/settings.ts'
import { seenAxes } from './strides.ts'

const ROTATED = /(^|\.)attention\.[qk](_bias)?$/

export const isRotated = (weight: string): boolean => ROTATED.test(weight)

/** The view with its rows as [heads, 2, pairs], whichever order they have in the tensor. */
export function inPairs(view: View, channels: number, order: RotatedPairs): View {
  const [rows, ...rest] = seenAxes(view)
  const [half, heads] = [channels / 2, rows.size / channels]
  const [member, pair] = order === 'interleaved' ? [1, 2] : [half, 1]
  const axes = [
    { size: heads, stride: channels * rows.stride },
    { size: 2, stride: member * rows.stride },
    { size: half, stride: pair * rows.stride },
    ...rest,
  ]
  return { shape: axes.map(({ size }) => size), axes, start: view.start, transpose: false }
}
