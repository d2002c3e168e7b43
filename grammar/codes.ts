/**
 * The table of diagnostic codes. SMOE1xxx syntax, SMOE2xxx names and imports, SMOE3xxx types and dimensions, SMOE4xxx ranges and
 * constraints, SMOE5xxx weights, SMOE6xxx limits of the target, SMOE7xxx training.
 */

/** `mistake`: the text breaks a rule. `unsupported`: the text is valid, but this version cannot compile it. */
export type CodeKind = 'mistake' | 'unsupported'

export interface CodeRow {
  /** `mistake` if absent. */
  readonly kind?: CodeKind
  readonly title: string
  readonly explanation: string
  /** A short spec with this diagnostic. */
  readonly example: string
}

const rows = {
  SMOE1001: {
    title: 'syntax error',
    explanation: 'The statement or expression does not match the grammar; the message says what was expected.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return x +\n}',
  },
  SMOE1002: {
    title: 'unexpected character',
    explanation: 'The character is not part of any token. It is skipped, and parsing continues after it.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return $x\n}',
  },
  SMOE1003: {
    title: 'malformed number',
    explanation:
      'Numbers are written `12`, `1.5` or `1e-5`. An integer must be at most 9007199254740991, and every number finite.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return x * 0x1F\n}',
  },
  SMOE1004: {
    title: 'unterminated string',
    explanation: 'A string begins and ends with `"` on one line.',
    example: 'import { top_k } from "std/policies/top_k',
  },
  SMOE1005: {
    title: 'unknown escape sequence',
    explanation: 'The escapes of a string are `\\"`, `\\\\`, `\\n`, `\\r` and `\\t`.',
    example: 'import { top_k } from "std\\policies"',
  },
  SMOE1006: {
    title: 'unclosed bracket',
    explanation: 'A `(`, `[` or `{` is not closed before the statement, the block or the file ends.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return exp(x\n}',
  },
  SMOE1007: {
    title: 'unmatched closing bracket',
    explanation: 'A `)`, `]` or `}` has no opening bracket.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return exp(x))\n}',
  },
  SMOE1008: {
    title: 'nested too deeply',
    explanation:
      'Brackets, blocks, conditionals and chains of operators may be nested at most 200 levels deep; bind a part of the expression with `let`.',
    example: `fn f(x: f32[N]) -> f32[N] {\n  return ${'('.repeat(201)}x${')'.repeat(201)}\n}`,
  },
  SMOE1009: {
    title: 'file too large',
    explanation: 'A file may have at most 4 MiB.',
    example: '// a file of more than 4 MiB',
  },
  SMOE1010: {
    title: 'expected a declaration',
    explanation: 'A file consists of imports and declarations: `import`, `fn`, `block`, `expert`, `policy`, `model`.',
    example: 'modle tiny() {\n}',
  },
  SMOE1011: {
    title: 'expected a statement',
    explanation:
      'A statement begins with its keyword or with `name =`; a clause of `moe` with `experts`, `route`, `shared` or `require`.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  retrun x\n}',
  },
  SMOE1012: {
    title: 'reserved word as a name',
    explanation: 'A reserved word cannot name a value, a parameter or a declaration.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  let repeat = x\n  return x\n}',
  },
  SMOE1013: {
    title: 'syntax of another language',
    explanation:
      'The operator, comment or string is written differently: `and`, `or`, `not`, `pow(a, b)`, `//` for comments, `"` for strings, no `;` after statements.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return where(x > 0 && x < 1, x, 0)\n}',
  },
  SMOE1014: {
    title: 'positional argument after a named one',
    explanation: 'Positional arguments come first, in the order of the parameters, and named ones after them.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return sum(axis = -1, x)\n}',
  },
  SMOE1015: {
    title: 'expected a tensor type',
    explanation: 'Inputs, outputs and parameters of a model are tensors: `f32[B, S, D]`.',
    example: 'model m() {\n  input x: int\n}',
  },
  SMOE1016: {
    title: 'import after a declaration',
    explanation: 'Imports must be at the top of the file.',
    example: 'fn f(x: f32[N]) -> f32[N] { return x }\nimport { top_k } from "std/policies/top_k"',
  },
  SMOE1017: {
    title: 'too many mistakes',
    explanation: 'At most 200 mistakes are shown; the others are counted.',
    example: '// hundreds of mistakes',
  },
  SMOE2001: {
    title: 'unknown name',
    explanation: 'The name is not defined here. A value is visible from its declaration to the end of the enclosing braces.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return x + y\n}',
  },
  SMOE2002: {
    title: 'unknown function',
    explanation: 'No builtin function, declaration of the file or import has this name.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return sofmax(x)\n}',
  },
  SMOE2003: {
    title: 'defined twice',
    explanation: 'A name can be defined once in a scope, and a clause can be given once.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  let y = x\n  let y = x + 1.0\n  return y\n}',
  },
  SMOE2004: {
    title: 'imported file not found',
    explanation:
      'An import path begins with `./` or `../`, or names a file of the standard library such as `std/policies/top_k`; files must be regular files below the root of imports.',
    example: 'import { mine } from "./nowhere"',
  },
  SMOE2005: {
    title: 'not declared in the imported file',
    explanation: 'The imported file does not declare this name; imports are not re-exported.',
    example: 'import { top_q } from "std/policies/top_k"',
  },
  SMOE2006: {
    title: 'import cycle',
    explanation: 'Imports must not form a cycle; put what two files share in a third.',
    example: '// a.smoe imports b.smoe, which imports a.smoe',
  },
  SMOE2007: {
    title: 'recursion',
    explanation: 'Calls are inlined, so a declaration may not call itself, directly or through others.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return f(x)\n}',
  },
  SMOE2008: {
    title: 'unknown parameter',
    explanation: 'The callee has no parameter of this name.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return sum(x, axes = 0)\n}',
  },
  SMOE2009: {
    title: 'two weights with one name',
    explanation:
      'Two instances have the same weight path, or `as` labels something without weights; a path must name exactly one weight.',
    example:
      'block scale(x: f32[N]) -> f32[N] {\n  param w: f32[N]\n  return x * w\n}\nblock twice(x: f32[N]) -> f32[N] {\n  return scale(scale(x))\n}',
  },
  SMOE2010: {
    title: 'assignment to a constant',
    explanation: 'Only a `var` can be assigned.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  let y = x\n  y = y + 1.0\n  return y\n}',
  },
  SMOE2011: {
    title: 'wrong kind of name',
    explanation:
      'A value cannot be called, a function is not a value, and fn, block, expert, policy and model are each allowed in their own places.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return exp\n}',
  },
  SMOE2012: {
    title: 'not allowed here',
    explanation:
      'The statement, clause or call belongs elsewhere: `param` in a declaration with weights, `select` in a policy, `input` in a model.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  param w: f32[N]\n  return x * w\n}',
  },
  SMOE2013: {
    title: 'something is missing',
    explanation:
      'A fn, block or expert must return; a policy must select and weigh on every path; a moe needs experts and a route; a model needs an output, and its `train` a loss and an optimiser.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  let y = x\n}',
  },
  SMOE2014: {
    title: 'unknown model or parameter',
    explanation: 'The requested model, or the parameter set from outside, does not exist.',
    example: '// a value is set for a parameter that the model does not have',
  },
  SMOE2015: {
    title: 'unknown optimiser, schedule or initialiser',
    explanation:
      'Optimisers are sgd, adam, adamw and lion; schedules constant, linear and cosine; initialisers zeros, ones, normal, uniform, fan and orthogonal.',
    example: 'block scale(x: f32[..., D]) -> f32[..., D] {\n  param gain: f32[D] = one()\n  return x * gain\n}',
  },
  SMOE2016: {
    title: 'random numbers outside of training',
    explanation:
      'Random numbers are only drawn in training: in `when training`, in `train`, and by `dropout` and `noisy`, which do nothing at inference.',
    example: 'model m() {\n  input x: f32[B]\n  output y = x + normal([B])\n}',
  },
  SMOE2017: {
    title: 'progress of training used outside of it',
    explanation:
      '`step` and `progress` are the progress of training. They are available in `when training`, in `train`, in what these call, and in the amount of `dropout` and `noisy`.',
    example: 'model m() {\n  input x: f32[B]\n  output y = x * progress\n}',
  },
  SMOE3001: {
    title: 'shapes do not fit',
    explanation:
      'Dims match by name: two sizes that happen to be equal numbers are still different dims. Axes of size 1 and missing leading axes are broadcast.',
    example: 'fn f(x: f32[N], y: f32[M]) -> f32[N] {\n  return x + y\n}',
  },
  SMOE3002: {
    title: 'element types do not fit',
    explanation: 'f32, i32 and bool are never converted implicitly; `cast(x, "f32")` converts.',
    example: 'fn f(x: f32[N], ids: i32[N]) -> f32[N] {\n  return x * ids\n}',
  },
  SMOE3003: {
    title: 'wrong kind of value',
    explanation: 'The value is a tensor, int, real, bool, string or list where another of these is expected.',
    example: 'fn f(x: f32[N], n: int = "two") -> f32[N] {\n  return x * n\n}',
  },
  SMOE3004: {
    title: 'missing argument',
    explanation: 'Every parameter without a default must be given.',
    example: 'fn f(x: f32[N, D]) -> f32[D] {\n  return take(x)\n}',
  },
  SMOE3005: {
    title: 'too many arguments',
    explanation: 'There are more arguments than parameters, or one parameter is given twice.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return exp(x, x)\n}',
  },
  SMOE3006: {
    title: 'pattern does not match',
    explanation:
      'The pattern of einsum or rearrange names axes that the tensors do not have, or sizes that do not divide theirs.',
    example: 'fn f(x: f32[N, M]) -> f32[M, N] {\n  return rearrange(x, "n m -> m k")\n}',
  },
  SMOE3007: {
    title: 'unknown type',
    explanation: 'Types are int, real, bool, string, choices such as `"a" | "b"`, and tensors of f32, i32 or bool.',
    example: 'fn f(x: f64[N]) -> f64[N] {\n  return x\n}',
  },
  SMOE3008: {
    title: 'not known at compile time',
    explanation:
      'Sizes, axes, counts and conditions must be known at compile time; `where(c, a, b)` chooses between elements at run time.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return if max(x) then x else -x\n}',
  },
  SMOE3009: {
    title: 'type differs from the declared one',
    explanation: 'The type of the value differs from the type declared for it.',
    example: 'fn f(x: f32[N, M]) -> f32[M] {\n  return x\n}',
  },
  SMOE3010: {
    title: 'type of a var changes',
    explanation: 'A var keeps its type, and a number known at compile time cannot change between iterations of a repeat.',
    example: 'fn f(x: f32[N, M]) -> f32[N] {\n  var y = x\n  y = sum(x)\n  return sum(y)\n}',
  },
  SMOE3011: {
    title: 'expert mixes rows',
    explanation: 'An expert gets the rows routed to it, in any order, so each row must be computed independently.',
    example: 'expert e(x: f32[T, D]) -> f32[T, D] {\n  return x - max(x, axis = 0, keep = true)\n}',
  },
  SMOE3012: {
    title: 'once depends on inputs',
    explanation: 'Values in `once` are computed when weights are loaded, so they may depend only on weights.',
    example: 'block b(x: f32[N]) -> f32[N] {\n  once {\n    let y = x + 1.0\n  }\n  return y\n}',
  },
  SMOE3013: {
    title: 'invalid type of a weight',
    explanation: 'A weight must be f32, and its sizes known at compile time.',
    example: 'block b(x: f32[N]) -> f32[N] {\n  param w: i32[N]\n  return x\n}',
  },
  SMOE3014: {
    title: 'calls nested too deeply',
    explanation: 'Calls may be nested at most 200 deep.',
    example: '// two hundred declarations, each calling the next',
  },
  SMOE4001: {
    title: 'out of range',
    explanation: 'A parameter must be in the range, or among the choices, of its declaration.',
    example: 'model m(E: int = 8, k: int in 1..E = 9) {\n  input x: f32[B]\n  output y = x\n}',
  },
  SMOE4002: {
    title: 'assertion failed',
    explanation: 'An `assert` is false for these parameters.',
    example: 'model m(D: int = 30, H: int = 4) {\n  assert D % H == 0\n  input x: f32[B]\n  output y = x\n}',
  },
  SMOE4003: {
    title: 'division with a remainder',
    explanation: '`/` of ints must be exact; if one operand is real, the quotient is real.',
    example: 'model m(D: int = 30, H: int = 4) {\n  input x: f32[B, D]\n  output y = reshape(x, [B, H, D / H])\n}',
  },
  SMOE4004: {
    title: 'unsatisfiable constraint',
    explanation: 'A `require` contradicts the number of experts or the policy.',
    example:
      'import { swiglu } from "std/experts/swiglu"\nimport { top_k } from "std/policies/top_k"\nmodel m(D: int = 4) {\n  input x: f32[T, D]\n  output y = moe(x) {\n    experts 8 of swiglu(F = 8)\n    route top_k(k = 2)\n    require each token 3 experts\n  }\n}',
  },
  SMOE4005: {
    kind: 'unsupported',
    title: 'not supported yet',
    explanation: 'The text is valid, but this version cannot compile it.',
    example:
      'import { swiglu } from "std/experts/swiglu"\nimport { top_k } from "std/policies/top_k"\nmodel m(D: int = 4) {\n  input x: f32[T, D]\n  output y = moe(x) {\n    experts 256 of swiglu(F = 8)\n    route top_k(k = 2)\n    require capacity 1.5 overflow next\n  }\n}',
  },
  SMOE4006: {
    title: 'invalid number',
    explanation: 'The number of experts, of selected experts, or of iterations is not possible.',
    example: 'policy p() {\n  param gate: f32[E, D]\n  let s = x @ gate.T\n  select top 0 by s\n  weigh pick(s, selected)\n}',
  },
  SMOE4007: {
    title: 'index out of range',
    explanation: 'Indices count from 0 and are below the size of the axis; a negative one counts from the end.',
    example: 'fn f(x: f32[N, 4]) -> f32[N] {\n  return x[:, 4]\n}',
  },
  SMOE5001: {
    title: 'unknown weight path',
    explanation: 'No weight of the model has this path: the labels of the instances and the name of the param, joined by dots.',
    example:
      'model m(D: int = 4) {\n  input x: f32[B, D]\n  param w: f32[D]\n  output y = x * w\n  weights {\n    v = "model.w"\n  }\n}',
  },
  SMOE5002: {
    title: 'weight with two sources',
    explanation: 'Each weight has one source in a checkpoint.',
    example:
      'model m(D: int = 4) {\n  input x: f32[B, D]\n  param w: f32[D]\n  output y = x * w\n  weights {\n    w = "model.w"\n    w = "model.v"\n  }\n}',
  },
  SMOE5003: {
    title: 'indices do not match',
    explanation: 'Every index of the path must occur in the name of the tensor or in its slices, and no other index may.',
    example:
      'model m(D: int = 4) {\n  input x: f32[B, D]\n  param w: f32[D]\n  output y = x * w\n  weights {\n    w = "model.{i}.w"\n  }\n}',
  },
  SMOE5004: {
    title: 'invalid slice',
    explanation: 'The step of a slice must be an integer from 1.',
    example:
      'model m(D: int = 4) {\n  input x: f32[B, D]\n  param w: f32[D]\n  output y = x * w\n  weights {\n    w = "model.w"[::0]\n  }\n}',
  },
  SMOE5005: {
    title: 'pattern matches no weight',
    explanation:
      'In `initialise`, `group` and `learns` a pattern selects weights by their paths; `*` matches any characters, dots included. In `learns` a name selects those that have it as a label on their path.',
    example:
      'model m(D: int = 4) {\n  input x: f32[4, D]\n  param w: f32[D]\n  output y = x * w\n  train {\n    loss size = mean(mean(y * y))\n    optimiser sgd(rate = 0.1)\n    initialise "v*" ones()\n  }\n}',
  },
  SMOE6001: {
    kind: 'unsupported',
    title: 'too many buffers in one kernel',
    explanation:
      'One kernel reads more tensors than the adapter can bind, and it cannot be split further. A tensor larger than a binding takes several.',
    example:
      'model m() {\n  input a: f32[N]\n  input b: f32[N]\n  input c: f32[N]\n  input d: f32[N]\n  input e: f32[N]\n  input f: f32[N]\n  input g: f32[N]\n  input h: f32[N]\n  output y = concat([a, b, c, d, e, f, g, h], 0)\n}',
  },
  SMOE6002: {
    kind: 'unsupported',
    title: 'top_k over an axis of unknown size',
    explanation: '`top_k` needs an axis whose size is known at compile time.',
    example: 'model m() {\n  input x: f32[B, S]\n  output best = top_k(x, 1)\n}',
  },
  SMOE6003: {
    kind: 'unsupported',
    title: 'too large for workgroup memory',
    explanation:
      'Some kernels keep one number per column in workgroup memory, so the number of columns must be known at compile time and must fit.',
    example:
      'model m() {\n  input cost: f32[T, E]\n  input rows: f32[T]\n  input columns: f32[E]\n  output scalings = sinkhorn(cost, rows, columns)\n}',
  },
  SMOE6004: {
    kind: 'unsupported',
    title: 'f16 on a target without it',
    explanation: 'Kernels of the cpu target store f32, i32 and u32. Mixed precision needs a WebGPU adapter with shader-f16.',
    example: '// training in mixed precision on the cpu device',
  },
  SMOE6005: {
    kind: 'unsupported',
    title: 'workgroups too small',
    explanation:
      'Some kernels share a piece of work among a fixed number of invocations, which a workgroup must hold. Every real adapter does.',
    example: '// svd on a GPU whose workgroups hold 4 invocations',
  },
  SMOE6006: {
    kind: 'unsupported',
    title: 'positions depend on one another',
    explanation:
      'A run that continues a sequence is given the new tokens alone. What a position takes from earlier ones must be kept of them, as `cached`, `positions` and `with_previous` do; sums over positions, capacities that tokens share and policies that look at all tokens give other numbers there than in a run of the whole sequence.',
    example: '// experts that choose their tokens, where a run continues a sequence',
  },
  SMOE6007: {
    kind: 'unsupported',
    title: 'a cache larger than a binding',
    explanation: 'What is kept of all positions of the sequences lies in one buffer, which an adapter limits.',
    example: '// two thousand million positions of a sequence',
  },
  SMOE7001: {
    title: 'no gradient',
    explanation: 'Between a weight and a loss there is an operation without a gradient. `stop(x)` is x without a gradient.',
    example:
      'model m(D: int = 4) {\n  input x: f32[N, D]\n  param w: f32[D, D]\n  output y = x @ w.T\n  train {\n    loss rank = sum(svd_values(w))\n    optimiser sgd(rate = 0.1)\n    batch N = 2\n  }\n}',
  },
  SMOE7002: {
    title: 'weight without a gradient',
    explanation:
      'A warning: every gradient of a weight passes through a quotient that is always 1, for example where the weights of one expert per token are normalised to sum to 1.',
    example:
      'import { swiglu } from "std/experts/swiglu"\nimport { top_k } from "std/policies/top_k"\nmodel m(D: int = 4) {\n  input x: f32[B, D]\n  output y = moe(x) {\n    experts 4 of swiglu(F = 8)\n    route top_k(k = 1)\n  }\n  train {\n    loss size = mean(mean(y * y))\n    optimiser sgd(rate = 0.1)\n    batch B = 2\n  }\n}',
  },
} as const satisfies Readonly<Record<string, CodeRow>>

export type Code = keyof typeof rows

export const codes: { readonly [C in Code]: CodeRow } = rows
