import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { opsTable } from '../../scripts/ops-table.ts'

it('docs/ops.md is what the records say', () => expect(readFileSync('docs/ops.md', 'utf8')).toBe(opsTable()))
