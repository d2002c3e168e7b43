/** A row of the table of architectures: all that is known of one `model_type`. */
import type { Default, Fields } from './fields.ts'
import type { GgufSettings } from './gguf/settings.ts'
import type { Layout } from './names/source.ts'
import type { Quantization } from './quantization.ts'

export interface SpecOptions {
  readonly layout: Layout
  readonly name: string
  readonly doc: string
  readonly architecture: string
  /** What a GGUF file says beside the config; absent for a checkpoint in the layout of the hub. */
  readonly gguf?: GgufSettings
  /** How the files have quantised weights; absent where they have none. */
  readonly quantized?: Quantization
}

/** The spec of a config, and how its head relates to its embedding; null where it has no head. */
export interface RowSpec {
  readonly text: string
  readonly tie: Tie | null
}

export interface Tie {
  readonly isTied: boolean
  /** Tensors of the checkpoint. */
  readonly embedding: string
  readonly head: string
}

export interface Row {
  /** `model_type` of the config; also the name of the model in the spec. */
  readonly type: string
  /** The class of transformers with the head that is imported. */
  readonly architecture: string
  /** One sentence, then the paper. */
  readonly doc: string
  /** What the class takes where the config has no such field; a size has no default. */
  readonly defaults: Readonly<Record<string, Default>>
  /** Another name of a field -> the name it is read by. */
  readonly aliases?: Readonly<Record<string, string>>
  /** A group of the config whose fields are those of the model. */
  readonly inside?: string
  /** Fields that the class holds and its forward pass does not read. */
  readonly unused?: readonly string[]
  /** Tensors beside the model that have no effect on its logits, such as layers that predict further tokens. */
  readonly ignorable?: (fields: Fields) => readonly RegExp[]
  /** The text is only good where no field was refused. */
  readonly spec: (fields: Fields, options: SpecOptions) => RowSpec
}
