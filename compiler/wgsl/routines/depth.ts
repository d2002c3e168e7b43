/** The depth that a product is summed over: all of it, or the rows of an expert in the order they were brought into. */
import { add, ceilDivide, type Dim } from '../../../plan/dim.ts'
import type { Matmul } from '../../kernel/ir/matmul.ts'
import type { Speller } from '../speller.ts'

export interface Depth {
  /** How much there is, u32; uniform. */
  readonly count: string
  /** The number of the depth at a place below `count`. */
  readonly at: (place: string) => string
  /** The size where it is one for all experts. */
  readonly whole: Dim | null
  readonly declarations: string
  /** WGSL statements that `count` and `at` rest on; `expert` is known before them. */
  readonly locate: readonly string[]
}

export function depthOf({ depth, depthOf: grouping }: Matmul, spell: Speller): Depth {
  if (grouping.kind === 'whole')
    return { count: spell.size(depth), at: (place) => place, whole: depth, declarations: '', locate: [] }
  const { buffer, experts, tile } = grouping
  const rows = spell.size(depth)
  const last = spell.size(add(ceilDivide(depth, tile), experts - 1))
  const load = (index: string): string => `load_${buffer}(${index})`
  return {
    count: 'depth_count',
    at: (place) => `u32(${load(`depth_first + ${place}`)})`,
    whole: null,
    // tiles ascend by expert; those without one come last, there is one or more, and -1 is above every expert. Each holds its first place
    declarations: [
      'fn first_place_of(expert: u32) -> u32 {',
      '  var low = 0u;',
      `  var high = ${last};`,
      '  while (low < high) {',
      '    let middle = (low + high) / 2u;',
      `    if (u32(${load(`${rows} + 2u * middle`)}) < expert) { low = middle + 1u; } else { high = middle; }`,
      '  }',
      `  return u32(${load(`${rows} + 2u * low + 1u`)});`,
      '}',
      '',
    ].join('\n'),
    locate: ['let depth_first = first_place_of(expert);', 'let depth_count = first_place_of(expert + 1u) - depth_first;'],
  }
}
