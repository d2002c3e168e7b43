/** The table of architectures: a row a `model_type`. */
import type { Row } from './row.ts'
import { flexOlmo } from './types/flex_olmo.ts'
import { llama } from './types/llama.ts'
import { mistral } from './types/mistral.ts'
import { mixtral } from './types/mixtral.ts'
import { olmoe } from './types/olmoe.ts'
import { qwen2 } from './types/qwen2.ts'
import { qwen2Moe } from './types/qwen2_moe.ts'
import { qwen3 } from './types/qwen3.ts'
import { qwen3Moe } from './types/qwen3_moe.ts'

export const ROWS: readonly Row[] = [llama, mistral, qwen2, qwen3, mixtral, olmoe, flexOlmo, qwen2Moe, qwen3Moe]

const byType: ReadonlyMap<string, Row> = new Map(ROWS.map((row) => [row.type, row]))

export const rowOf = (type: string): Row | undefined => byType.get(type)

/** The architectures that can be imported, as they are called in `model_type`. */
export const supportedModelTypes: readonly string[] = ROWS.map(({ type }) => type)
