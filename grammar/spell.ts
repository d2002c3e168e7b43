/** How literals are printed. */
import type { NumberLiteral, StringLiteral } from './ast.ts'
import { textOf } from './source.ts'

const escapes: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

export const printString = ({ value }: Pick<StringLiteral, 'value'>): string =>
  `"${value.replace(/["\\\n\r\t]/g, (sign) => escapes[sign]!)}"`

/** As it was written, where it was. */
export function printNumber({ value, isInteger, span }: NumberLiteral): string {
  const written = textOf(span)
  const isWritten =
    /^\d+(\.\d+)?([eE][+-]?\d+)?$/.test(written) && Number(written) === value && /^\d+$/.test(written) === isInteger
  if (isWritten) return written
  const text = String(value)
  return isInteger || /[.e]/.test(text) ? text : `${text}.0`
}
