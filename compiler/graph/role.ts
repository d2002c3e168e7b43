/** Reads roles of outputs and variables, as `roleText` writes them. */
import { isVariableRole, ROLE_FIELDS, type OutputRole, type RoleKind, type VariableRole } from '../../plan/output-role.ts'
import type { Cursor } from './cursor.ts'

const isRoleKind = (word: string): word is RoleKind => Object.hasOwn(ROLE_FIELDS, word)

export function readRole(cursor: Cursor): OutputRole {
  const kind = cursor.word()
  if (!isRoleKind(kind)) return cursor.fail(`'${kind}' is not a role of an output`)
  const fields = Object.entries<readonly string[] | null>(ROLE_FIELDS[kind]).map(([field, words]) => {
    cursor.expect(field)
    const value = cursor.string()
    if (words?.includes(value) === false) cursor.fail(`${field} is one of ${words.join(', ')}, not '${value}'`)
    return [field, value]
  })
  return { kind, ...Object.fromEntries(fields) } as OutputRole
}

export function readVariableRole(cursor: Cursor): VariableRole {
  const role = readRole(cursor)
  return isVariableRole(role) ? role : cursor.fail(`no variable has the role ${role.kind}`)
}
