/** What no row of the table has: other heads. */
import { shown, type Fields } from '../fields.ts'

export function refuseVariants(fields: Fields, architecture: string): void {
  const architectures = fields.list('architectures', 'the row of the table')
  if (architectures.length > 0 && !architectures.includes(architecture)) {
    fields.refuse(`'architectures' is ${shown(architectures)}: only ${architecture}, with its language-model head, is supported`)
  }
}
