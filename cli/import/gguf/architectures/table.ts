/**
 * The architectures of GGUF files: which `model_type` each is, and its metadata as the fields of that type's config. Keys and
 * defaults are those of llama.cpp, which reads these files.
 */
import type { GgufArchitecture } from '../architecture.ts'
import { deepseek2 } from './deepseek.ts'
import { gptOss } from './gpt_oss.ts'
import { granitemoe } from './granite.ts'
import { llama } from './llama.ts'
import { dense, olmoe, qwen2moe, qwen3moe } from './qwen.ts'
import { dots1, exaoneMoe, glm4moe, lfm2moe, minimaxM2 } from './sigmoid.ts'
import { dbrx, ernie45Moe, hunyuanMoe } from './softmax.ts'

/** Names as in `general.architecture`. */
const ARCHITECTURES: Readonly<Record<string, GgufArchitecture>> = {
  llama,
  qwen2: dense('qwen2'),
  qwen3: dense('qwen3'),
  qwen2moe,
  qwen3moe,
  olmoe,
  granitemoe,
  'gpt-oss': gptOss,
  deepseek2,
  glm4moe,
  dots1,
  'exaone-moe': exaoneMoe,
  'minimax-m2': minimaxM2,
  lfm2moe,
  'ernie4_5-moe': ernie45Moe,
  'hunyuan-moe': hunyuanMoe,
  dbrx,
}

export const ggufArchitectures: readonly string[] = Object.keys(ARCHITECTURES)

export const ggufArchitecture = (name: string): GgufArchitecture | undefined =>
  Object.hasOwn(ARCHITECTURES, name) ? ARCHITECTURES[name] : undefined
