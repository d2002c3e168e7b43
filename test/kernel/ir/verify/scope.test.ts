import { ELEMENTWISE, GATE, begun, replaced, refuses } from './planted.ts'

refuses([
  ['a name that is defined twice', () => begun(ELEMENTWISE, 'let element = 0u'), /: let element = .*: element is defined before/],
  [
    'a variable that is not defined',
    () => replaced(ELEMENTWISE, /@y\[element\] = .*/, '@y[element] = f32(elemen)'),
    /: elemen is not defined/,
  ],
  [
    'an array that is not defined',
    () => begun(GATE, 'nowhere[thread] = 1.0'),
    /: nowhere\[thread\] = 1.0: the array nowhere is not defined/,
  ],
  [
    'an array that has the name of a variable',
    () => begun(GATE, 'var taken = 0u', 'array taken: f32[4]'),
    /: array taken.*: taken is defined before/,
  ],
])
