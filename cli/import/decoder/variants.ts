/** What no row of the table has: other heads, weights that are packed. */
import { shown, type Fields } from '../fields.ts'

export function refuseVariants(fields: Fields, architecture: string): void {
  const architectures = fields.list('architectures', 'the row of the table')
  if (architectures.length > 0 && !architectures.includes(architecture)) {
    fields.refuse(`'architectures' is ${shown(architectures)}: only ${architecture}, with its language-model head, is supported`)
  }
  if (fields.has('quantization_config'))
    fields.refuse(`the weights are quantised ('quantization_config'): only f32, f16 and bf16 are supported`)
}
