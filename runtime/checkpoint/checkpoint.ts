import type { ElementType } from './dtypes.ts'

/** A tensor as it lies in a file: row-major, little-endian. */
export interface TensorInfo {
  readonly name: string
  readonly dtype: ElementType
  readonly shape: readonly number[]
  readonly bytes: number
}

/** Named tensors that are read by range, never all at once. */
export interface Checkpoint {
  /** For messages: a path or an address. */
  readonly name: string
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly metadata: Readonly<Record<string, string>>
  /**
   * Whether weights are stored under their paths in the model and in their shapes there, as training saves them; a spec's
   * `weights` table does not apply.
   */
  readonly isByPath?: boolean
  /** The tensors as the files have them, codes and scales apart; absent where they are no others. */
  readonly apart?: Checkpoint
  /** False where the format leaves out axes of one entry: `[1, D]` is stored as `[D]`, and either is meant. */
  readonly hasUnitAxes?: boolean
  /** Bytes of a tensor from an offset inside it. Throws a CheckpointError where they cannot be read. */
  readonly read: (tensor: string, offset: number, length: number) => Promise<Uint8Array>
  readonly close: () => Promise<void>
}
