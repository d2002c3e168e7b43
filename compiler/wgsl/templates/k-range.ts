/** The range of K that a matmul sums over: all of it, or the rows of one expert as the sort by expert has them. */
import { subtract, type Dim } from '../../../plan/dim.ts'
import { ENTRY, tileCount } from '../../graph/sorted-rows.ts'
import type { Matmul } from '../../kernel/ir/matmul.ts'
import type { ScalarEmitter } from '../scalar-emitter.ts'
import { entryAt, wordAt } from './sorted-rows.ts'

export interface KRangeCode {
  /** The length, u32; uniform. */
  readonly count: string
  /** The element of K at a position below `count`. */
  readonly at: (place: string) => string
  /** The length where all experts have the same one. */
  readonly whole: Dim | null
  readonly declarations: string
  /** WGSL statements that define what `count` and `at` use; `expert` is defined before them. */
  readonly locate: readonly string[]
}

export function kRangeOf({ k, kRange }: Matmul, emit: ScalarEmitter): KRangeCode {
  if (kRange.kind === 'all') return { count: emit.size(k), at: (place) => place, whole: k, declarations: '', locate: [] }
  const { buffer, experts, tile } = kRange
  const rows = emit.size(k)
  const last = emit.size(subtract(tileCount(k, experts, tile), 1))
  const load = (index: string): string => `load_${buffer}(${index})`
  return {
    count: 'k_count',
    at: (place) => `u32(${load(`k_first + ${place}`)})`,
    whole: null,
    // tiles ascend by expert; tiles without an expert come last, there is at least one, and its -1 as u32 exceeds every expert
    declarations: [
      'fn first_position_of(expert: u32) -> u32 {',
      '  var low = 0u;',
      `  var high = ${last};`,
      '  while (low < high) {',
      '    let middle = (low + high) / 2u;',
      `    if (u32(${load(wordAt(entryAt(rows, 'middle'), ENTRY.expert))}) < expert) { low = middle + 1u; } else { high = middle; }`,
      '  }',
      `  return u32(${load(wordAt(entryAt(rows, 'low'), ENTRY.first))});`,
      '}',
      '',
    ].join('\n'),
    locate: ['let k_first = first_position_of(expert);', 'let k_count = first_position_of(expert + 1u) - k_first;'],
  }
}
