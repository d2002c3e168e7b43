/** Tensors as types and as words. */
import type { Port } from '../../plan/plan.ts'
import { docText, literal } from './names.ts'

const UNITS: Readonly<Record<Port['dtype'], string>> = {
  f32: '32-bit floats',
  f16: '16-bit floats',
  i32: '32-bit signed integers',
  u32: '32-bit unsigned integers',
}

const axisType = (size: string): string => (/^\d+$/.test(size) ? size : literal(size))

export const tensorType = ({ dtype, shape }: Pick<Port, 'dtype' | 'shape'>): string =>
  `Tensor<'${dtype}', [${shape.map(axisType).join(', ')}]>`

export const portDoc = ({ doc, dtype, shape }: Pick<Port, 'doc' | 'dtype' | 'shape'>): string =>
  docText([`\`${dtype}[${shape.join(', ')}]\`, ${UNITS[dtype]}, row-major.`, doc])
