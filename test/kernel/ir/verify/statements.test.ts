import { ELEMENTWISE, GATE, begun, refuses, replaced } from './planted.ts'

refuses([
  [
    'a fault in a block, with the statement of the block',
    () => begun(GATE, 'if thread < 1u {', 'let inner = missing', '}'),
    /: let inner = missing: missing is not defined/,
  ],
  [
    'a name of a block behind it',
    () => begun(GATE, 'if thread < 1u {', 'let inner = thread', '}', 'let outer = inner'),
    /: let outer = inner: inner is not defined/,
  ],
  [
    'a store that a condition does not bound',
    () => replaced(ELEMENTWISE, /if element < .* \{/, 'if 0u < element {'),
    /: @y\[element\] = .*: the index reaches/,
  ],
])
