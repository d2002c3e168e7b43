/** The table of architectures: a row a `model_type`. */
import type { Row } from './row.ts'
import { dbrx } from './types/dbrx.ts'
import { deepseekV2 } from './types/deepseek_v2.ts'
import { deepseekV3 } from './types/deepseek_v3.ts'
import { dots1 } from './types/dots1.ts'
import { ernie45Moe } from './types/ernie4_5_moe.ts'
import { exaoneMoe } from './types/exaone_moe.ts'
import { flexOlmo } from './types/flex_olmo.ts'
import { gemma4 } from './types/gemma4.ts'
import { gemma4Text } from './types/gemma4_text.ts'
import { glm4Moe } from './types/glm4_moe.ts'
import { glm4MoeLite } from './types/glm4_moe_lite.ts'
import { gptOss } from './types/gpt_oss.ts'
import { granitemoe } from './types/granitemoe.ts'
import { granitemoeshared } from './types/granitemoeshared.ts'
import { hunyuanV1Moe } from './types/hunyuan_v1_moe.ts'
import { jetmoe } from './types/jetmoe.ts'
import { lfm2Moe } from './types/lfm2_moe.ts'
import { llama } from './types/llama.ts'
import { minimaxM2 } from './types/minimax_m2.ts'
import { mistral } from './types/mistral.ts'
import { mixtral } from './types/mixtral.ts'
import { nomicBert } from './types/nomic_bert.ts'
import { olmoe } from './types/olmoe.ts'
import { phimoe } from './types/phimoe.ts'
import { qwen2 } from './types/qwen2.ts'
import { qwen2Moe } from './types/qwen2_moe.ts'
import { qwen3 } from './types/qwen3.ts'
import { qwen3Moe } from './types/qwen3_moe.ts'

export const ROWS: readonly Row[] = [
  llama,
  mistral,
  qwen2,
  qwen3,
  mixtral,
  olmoe,
  flexOlmo,
  qwen2Moe,
  qwen3Moe,
  gptOss,
  granitemoe,
  granitemoeshared,
  deepseekV2,
  deepseekV3,
  glm4Moe,
  glm4MoeLite,
  dots1,
  exaoneMoe,
  minimaxM2,
  ernie45Moe,
  hunyuanV1Moe,
  phimoe,
  dbrx,
  lfm2Moe,
  jetmoe,
  gemma4Text,
  gemma4,
  nomicBert,
]

const byType: ReadonlyMap<string, Row> = new Map(ROWS.map((row) => [row.type, row]))

export const rowOf = (type: string): Row | undefined => byType.get(type)

/** The architectures that can be imported, as they are called in `model_type`. */
export const supportedModelTypes: readonly string[] = ROWS.map(({ type }) => type)
