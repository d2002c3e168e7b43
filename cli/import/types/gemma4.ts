/** Gemma 4 with images and sounds: its text model, from the group of the config that describes it. */
import type { Row } from '../row.ts'
import { GEMMA4_DEFAULTS, gemma4Spec } from './gemma4_text.ts'

/** What the text model does not read. */
const OTHERS = ['vision_config', 'audio_config', 'eoa_token_index', 'vision_soft_tokens_per_image']

export const gemma4: Row = {
  type: 'gemma4',
  architecture: 'Gemma4ForConditionalGeneration',
  doc: 'Gemma 4, its text model: windows in most layers, experts beside a dense network. Gemma Team, 2026.',
  defaults: GEMMA4_DEFAULTS,
  inside: 'text_config',
  ignorable: () => [/^model\.(vision_tower|embed_vision|audio_tower|embed_audio)\./],
  spec: (fields, options) => {
    for (const name of OTHERS) fields.skip(name, 'nothing: images and sounds are not read')
    return gemma4Spec('model.language_model')(fields, options)
  },
}
