/** Writes docs/ops.md. */
import { textPieces, writeFileWhole } from '../runtime/files/index.ts'
import { opsTable } from './ops-table.ts'

await writeFileWhole('docs/ops.md', textPieces(opsTable()))
