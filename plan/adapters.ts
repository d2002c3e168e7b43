/** Low-rank adapters of a run: the names of their weights, for the compiler, for checkpoints and for exports. */

/** LoRA of one weight, [..., out, in], whose leading axis is a batch: it is used as weight + scale * up @ down. */
export interface Adapter {
  /** The frozen weight, by its path. */
  readonly weight: string
  readonly rank: number
  /** Factor on the product: alpha / rank in the paper. */
  readonly scale: number
}

/** Which axis of the weight a matrix of the pair has, beside the rank: down is A [..., rank, in], up is B [..., out, rank]. */
export type AdapterSide = 'down' | 'up'

const SUFFIXES: Readonly<Record<AdapterSide, string>> = { down: '.lora_a', up: '.lora_b' }

/** The path of a matrix of the pair. */
export const adapterName = (weight: string, side: AdapterSide): string => `${weight}${SUFFIXES[side]}`

/** The weight and the side that a path names; null for the path of any other weight. */
export function adapterOfName(name: string): { readonly weight: string; readonly side: AdapterSide } | null {
  const side = (['down', 'up'] as const).find((one) => name.endsWith(SUFFIXES[one]))
  return side === undefined ? null : { weight: name.slice(0, -SUFFIXES[side].length), side }
}
