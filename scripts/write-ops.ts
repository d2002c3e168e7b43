/** Writes docs/ops.md. */
import { writeFileSync } from 'node:fs'
import { opsTable } from './ops-table.ts'

writeFileSync('docs/ops.md', opsTable())
