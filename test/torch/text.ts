/** The torch module of a spec. */
import { torchModule } from '../../compiler/torch/model.ts'
import type { Model } from '../../compiler/model/model.ts'
import { checkSource, framed } from '../support/check.ts'

export function modelOf(text: string, path = 'spec.smoe'): Model {
  const { model, diagnostics } = checkSource({ path, text })
  if (model === null || diagnostics.some(({ severity }) => severity === 'error')) throw new Error(framed(diagnostics))
  return model
}

export const torchText = (text: string, path?: string): string => torchModule(modelOf(text, path)).text
