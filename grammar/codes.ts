/**
 * Every diagnostic there is. SMOE1xxx form, SMOE2xxx names and imports, SMOE3xxx types and dimensions, SMOE4xxx ranges and
 * constraints, SMOE5xxx weights, SMOE6xxx limits of the target, SMOE7xxx training.
 */

/** `mistake`: the text breaks a rule. `unsupported`: the text is right, but this version cannot do it yet. */
export type CodeKind = 'mistake' | 'unsupported'

export interface CodeRow {
  /** `mistake` where it is absent. */
  readonly kind?: CodeKind
  readonly title: string
  readonly explanation: string
  /** A short text that brings the diagnostic about. */
  readonly example: string
}

const rows = {
  SMOE1001: {
    title: 'unexpected form',
    explanation:
      'The statement or expression does not have a form of the language; the message says what was expected at that place.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return x +\n}',
  },
  SMOE1002: {
    title: 'character without a meaning',
    explanation:
      'The character belongs to no word, number, string or sign. It is left out, and the rest is read as though it were not there.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return $x\n}',
  },
  SMOE1003: {
    title: 'malformed number',
    explanation: 'Numbers are written `12`, `1.5` or `1e-5`. A whole number must be at most 9007199254740991, any number finite.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return x * 0x1F\n}',
  },
  SMOE1004: {
    title: 'string without an end',
    explanation: 'A string begins and ends with `"` on one line.',
    example: 'import { top_k } from "std/policies/top_k',
  },
  SMOE1005: {
    title: 'unknown escape',
    explanation: 'A string knows the escapes `\\"`, `\\\\`, `\\n`, `\\r`, `\\t` and no others.',
    example: 'import { top_k } from "std\\policies"',
  },
  SMOE1006: {
    title: 'bracket without an end',
    explanation: 'A `(`, `[` or `{` is not closed before the statement, the block or the file ends.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return exp(x\n}',
  },
  SMOE1007: {
    title: 'bracket without a beginning',
    explanation: 'A `)`, `]` or `}` closes nothing.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return exp(x))\n}',
  },
  SMOE1008: {
    title: 'nested too deeply',
    explanation:
      'Brackets, blocks, conditionals and chains of operators may be nested 200 levels deep; a `let` names a part of the expression.',
    example: `fn f(x: f32[N]) -> f32[N] {\n  return ${'('.repeat(201)}x${')'.repeat(201)}\n}`,
  },
  SMOE1009: {
    title: 'file too large',
    explanation: 'A file may hold 4 MiB.',
    example: '// a file of more than 4 MiB',
  },
  SMOE1010: {
    title: 'not a declaration',
    explanation: 'A file holds imports and declarations: `import`, `fn`, `block`, `expert`, `policy`, `model`.',
    example: 'modle tiny() {\n}',
  },
  SMOE1011: {
    title: 'not a statement',
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
    title: 'sign of another language',
    explanation:
      'The sign or comment is written otherwise here: `and`, `or`, `not`, `pow(a, b)`, `//` for comments, `"` for strings, statements without `;`.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return where(x > 0 && x < 1, x, 0)\n}',
  },
  SMOE1014: {
    title: 'positional argument after a named one',
    explanation: 'Positional arguments come first, in the order of the parameters, and named ones after them.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return sum(axis = -1, x)\n}',
  },
  SMOE1015: {
    title: 'tensor type expected',
    explanation: 'Inputs, outputs and parameters of a model are tensors: `f32[B, S, D]`.',
    example: 'model m() {\n  input x: int\n}',
  },
  SMOE1016: {
    title: 'import after a declaration',
    explanation: 'Imports stand at the top of the file.',
    example: 'fn f(x: f32[N]) -> f32[N] { return x }\nimport { top_k } from "std/policies/top_k"',
  },
  SMOE1017: {
    title: 'too many mistakes',
    explanation: 'Only the first mistakes are shown, 200 at most, and the others are counted.',
    example: '// hundreds of mistakes',
  },
  SMOE2001: {
    title: 'unknown name',
    explanation: 'Nothing has this name here. Values are seen from where they are declared to the end of the braces around them.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return x + y\n}',
  },
  SMOE2002: {
    title: 'nothing to call',
    explanation: 'No builtin function, declaration of the file or import has this name.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return sofmax(x)\n}',
  },
  SMOE2003: {
    title: 'said twice',
    explanation: 'A name stands for one thing in its place, and a clause that settles something stands once.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  let y = x\n  let y = x + 1.0\n  return y\n}',
  },
  SMOE2004: {
    title: 'no file to import',
    explanation:
      'A path of an import begins with `./` or `../`, or names a file of the library, as `std/policies/top_k`; files are regular ones below the root of imports.',
    example: 'import { mine } from "./nowhere"',
  },
  SMOE2005: {
    title: 'not declared there',
    explanation: 'The imported file declares no such name; what it imports itself it does not pass on.',
    example: 'import { top_q } from "std/policies/top_k"',
  },
  SMOE2006: {
    title: 'files import each other',
    explanation: 'Imports form no circle: what two files share stands in a third.',
    example: '// a.smoe imports b.smoe, which imports a.smoe',
  },
  SMOE2007: {
    title: 'declaration that contains itself',
    explanation: 'A call stands for the body it calls, so no declaration may call itself, directly or through others.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return f(x)\n}',
  },
  SMOE2008: {
    title: 'unknown parameter',
    explanation: 'The callee has no parameter of this name.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return sum(x, axes = 0)\n}',
  },
  SMOE2009: {
    title: 'two weights with one name',
    explanation: 'Two instances, or a label where there are no weights: the path of a weight names exactly one.',
    example:
      'block scale(x: f32[N]) -> f32[N] {\n  param w: f32[N]\n  return x * w\n}\nblock twice(x: f32[N]) -> f32[N] {\n  return scale(scale(x))\n}',
  },
  SMOE2010: {
    title: 'value that stays',
    explanation: 'Only a `var` may be given another value.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  let y = x\n  y = y + 1.0\n  return y\n}',
  },
  SMOE2011: {
    title: 'wrong kind of thing',
    explanation:
      'A value is not called, a function is no value, and fn, block, expert, policy and model each have their own places.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return exp\n}',
  },
  SMOE2012: {
    title: 'wrong place',
    explanation:
      'The statement, clause or call belongs elsewhere: `param` to what has weights, `select` to a policy, `input` to a model.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  param w: f32[N]\n  return x * w\n}',
  },
  SMOE2013: {
    title: 'something is missing',
    explanation:
      'A fn, block or expert returns; a policy selects and weighs on every path; a moe has experts and a route; a model has an output, its `train` a loss and an optimiser.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  let y = x\n}',
  },
  SMOE2014: {
    title: 'nothing of this name to choose',
    explanation: 'The model asked for, or the parameter set from outside, does not exist.',
    example: '// a value is set for a parameter that the model does not have',
  },
  SMOE2015: {
    title: 'no such method of training',
    explanation:
      'Optimisers are sgd, adam, adamw and lion; schedules constant, linear and cosine; initialisers zeros, ones, normal, uniform, fan and orthogonal.',
    example: 'block scale(x: f32[..., D]) -> f32[..., D] {\n  param gain: f32[D] = one()\n  return x * gain\n}',
  },
  SMOE2016: {
    title: 'chance outside of training',
    explanation:
      'Random numbers are drawn when training: in `when training`, in `train`, and by `dropout` and `noisy`, which do nothing at inference.',
    example: 'model m() {\n  input x: f32[B]\n  output y = x + normal([B])\n}',
  },
  SMOE2017: {
    title: 'progress outside of training',
    explanation:
      '`step` and `progress` tell how far a training has come: they are there in `when training`, in `train`, in what is called there, and in the amount of `dropout` and `noisy`.',
    example: 'model m() {\n  input x: f32[B]\n  output y = x * progress\n}',
  },
  SMOE3001: {
    title: 'shapes do not fit',
    explanation:
      'Dims agree by name: two sizes that happen to be equal numbers are still two. Axes of size 1 and missing leading axes repeat.',
    example: 'fn f(x: f32[N], y: f32[M]) -> f32[N] {\n  return x + y\n}',
  },
  SMOE3002: {
    title: 'element types do not fit',
    explanation: 'f32, i32 and bool never mix silently; `cast(x, "f32")` converts.',
    example: 'fn f(x: f32[N], ids: i32[N]) -> f32[N] {\n  return x * ids\n}',
  },
  SMOE3003: {
    title: 'wrong kind of value',
    explanation: 'A tensor, int, real, bool, string or list stands where another of them is wanted.',
    example: 'fn f(x: f32[N], n: int = "two") -> f32[N] {\n  return x * n\n}',
  },
  SMOE3004: {
    title: 'missing argument',
    explanation: 'Every parameter without a default is given.',
    example: 'fn f(x: f32[N, D]) -> f32[D] {\n  return take(x)\n}',
  },
  SMOE3005: {
    title: 'too many arguments',
    explanation: 'More arguments than parameters, or one parameter given twice.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return exp(x, x)\n}',
  },
  SMOE3006: {
    title: 'pattern that does not fit',
    explanation: 'The pattern of einsum or rearrange names axes that the tensors do not have, or sizes that do not divide them.',
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
      'Sizes, axes, counts and conditions are known before anything runs; `where(c, a, b)` chooses between elements at a run.',
    example: 'fn f(x: f32[N]) -> f32[N] {\n  return if max(x) then x else -x\n}',
  },
  SMOE3009: {
    title: 'not the type declared',
    explanation: 'A value has another type than the one written for it.',
    example: 'fn f(x: f32[N, M]) -> f32[M] {\n  return x\n}',
  },
  SMOE3010: {
    title: 'var of another type',
    explanation: 'A var keeps its type, and a number known at compile time does not change from turn to turn of a repeat.',
    example: 'fn f(x: f32[N, M]) -> f32[N] {\n  var y = x\n  y = sum(x)\n  return sum(y)\n}',
  },
  SMOE3011: {
    title: 'expert that mixes rows',
    explanation: 'An expert sees the rows that chose it, in any order: each row is treated alone.',
    example: 'expert e(x: f32[T, D]) -> f32[T, D] {\n  return x - max(x, axis = 0, keep = true)\n}',
  },
  SMOE3012: {
    title: 'once that depends on the run',
    explanation: 'What stands in `once` is worked out when weights are loaded, so it depends on weights alone.',
    example: 'block b(x: f32[N]) -> f32[N] {\n  once {\n    let y = x + 1.0\n  }\n  return y\n}',
  },
  SMOE3013: {
    title: 'weight of a wrong type',
    explanation: 'A weight is f32, and its sizes are known at compile time.',
    example: 'block b(x: f32[N]) -> f32[N] {\n  param w: i32[N]\n  return x\n}',
  },
  SMOE3014: {
    title: 'calls nested too deeply',
    explanation: 'Calls may be nested 200 deep.',
    example: '// two hundred declarations, each calling the next',
  },
  SMOE4001: {
    title: 'outside of its range',
    explanation: 'A parameter lies in the range, or among the choices, that its declaration gives.',
    example: 'model m(E: int = 8, k: int in 1..E = 9) {\n  input x: f32[B]\n  output y = x\n}',
  },
  SMOE4002: {
    title: 'assertion that does not hold',
    explanation: 'An `assert` of the text does not hold for these parameters.',
    example: 'model m(D: int = 30, H: int = 4) {\n  assert D % H == 0\n  input x: f32[B]\n  output y = x\n}',
  },
  SMOE4003: {
    title: 'division with a remainder',
    explanation: '`/` between ints has no remainder; a real among them makes it a real quotient.',
    example: 'model m(D: int = 30, H: int = 4) {\n  input x: f32[B, D]\n  output y = reshape(x, [B, H, D / H])\n}',
  },
  SMOE4004: {
    title: 'constraint that cannot hold',
    explanation: 'What `require` asks contradicts the numbers of the experts or of the policy.',
    example:
      'import { swiglu } from "std/experts/swiglu"\nimport { top_k } from "std/policies/top_k"\nmodel m(D: int = 4) {\n  input x: f32[T, D]\n  output y = moe(x) {\n    experts 8 of swiglu(F = 8)\n    route top_k(k = 2)\n    require each token 3 experts\n  }\n}',
  },
  SMOE4005: {
    kind: 'unsupported',
    title: 'not supported yet',
    explanation: 'The text is right, but this version cannot lower it.',
    example:
      'import { swiglu } from "std/experts/swiglu"\nimport { top_k } from "std/policies/top_k"\nmodel m(D: int = 4) {\n  input x: f32[T, D]\n  output y = moe(x) {\n    experts 256 of swiglu(F = 8)\n    route top_k(k = 2)\n    require capacity 1.5 overflow next\n  }\n}',
  },
  SMOE4006: {
    title: 'impossible number',
    explanation: 'A number of experts, of experts selected, or of turns that cannot be.',
    example: 'policy p() {\n  param gate: f32[E, D]\n  let s = x @ gate.T\n  select top 0 by s\n  weigh pick(s, selected)\n}',
  },
  SMOE4007: {
    title: 'index outside of its axis',
    explanation: 'Indices count from 0 to the size of the axis; a negative one counts from its end.',
    example: 'fn f(x: f32[N, 4]) -> f32[N] {\n  return x[:, 4]\n}',
  },
  SMOE5001: {
    title: 'unknown path of a weight',
    explanation: 'No weight of the model has this path: labels of instances joined by dots, then the name of the param.',
    example:
      'model m(D: int = 4) {\n  input x: f32[B, D]\n  param w: f32[D]\n  output y = x * w\n  weights {\n    v = "model.w"\n  }\n}',
  },
  SMOE5002: {
    title: 'weight with two sources',
    explanation: 'Each weight has one place in a checkpoint.',
    example:
      'model m(D: int = 4) {\n  input x: f32[B, D]\n  param w: f32[D]\n  output y = x * w\n  weights {\n    w = "model.w"\n    w = "model.v"\n  }\n}',
  },
  SMOE5003: {
    title: 'indices do not match',
    explanation: 'Every index of the path stands in the name of the tensor, or among its slices, and no other does.',
    example:
      'model m(D: int = 4) {\n  input x: f32[B, D]\n  param w: f32[D]\n  output y = x * w\n  weights {\n    w = "model.{i}.w"\n  }\n}',
  },
  SMOE5004: {
    title: 'slice that is none',
    explanation: 'A step of a slice is a whole number from 1.',
    example:
      'model m(D: int = 4) {\n  input x: f32[B, D]\n  param w: f32[D]\n  output y = x * w\n  weights {\n    w = "model.w"[::0]\n  }\n}',
  },
  SMOE5005: {
    title: 'pattern that fits no weight',
    explanation:
      'In `initialise` and `group` a pattern names weights by their paths; `*` is any run of characters, also of several labels.',
    example:
      'model m(D: int = 4) {\n  input x: f32[4, D]\n  param w: f32[D]\n  output y = x * w\n  train {\n    loss size = mean(mean(y * y))\n    optimiser sgd(rate = 0.1)\n    initialise "v*" ones()\n  }\n}',
  },
  SMOE6001: {
    kind: 'unsupported',
    title: 'too many buffers at once',
    explanation:
      'One step of the computation reads more tensors than the adapter binds to a kernel, and it cannot be cut smaller. Tensors over the size of a binding take several places.',
    example:
      'model m() {\n  input a: f32[N]\n  input b: f32[N]\n  input c: f32[N]\n  input d: f32[N]\n  input e: f32[N]\n  input f: f32[N]\n  input g: f32[N]\n  input h: f32[N]\n  output y = concat([a, b, c, d, e, f, g, h], 0)\n}',
  },
  SMOE6002: {
    kind: 'unsupported',
    title: 'ranking of unknown length',
    explanation: 'The largest of a row are found where the length of the row is known when the spec is compiled.',
    example: 'model m() {\n  input x: f32[B, S]\n  output best = top_k(x, 1)\n}',
  },
  SMOE6003: {
    kind: 'unsupported',
    title: 'more than a workgroup holds',
    explanation:
      'Some computations hold a number for each column in the memory of one workgroup: how many columns there are is known when the spec is compiled, and they fit.',
    example:
      'model m() {\n  input cost: f32[T, E]\n  input rows: f32[T]\n  input columns: f32[E]\n  output scalings = sinkhorn(cost, rows, columns)\n}',
  },
  SMOE7001: {
    title: 'no gradient',
    explanation:
      'A weight is learned by the gradients of all that stands between it and a loss, and here is something that has none. `stop(x)` is x for which no gradient is asked.',
    example:
      'model m(D: int = 4) {\n  input x: f32[N, D]\n  param w: f32[D, D]\n  output y = x @ w.T\n  train {\n    loss rank = sum(svd_values(w))\n    optimiser sgd(rate = 0.1)\n    batch N = 2\n  }\n}',
  },
  SMOE7002: {
    title: 'weight that no loss teaches',
    explanation:
      'A warning: all gradients of a weight pass through a quotient that is always 1, as where the weights of one expert a token are scaled to sum to 1.',
    example:
      'import { swiglu } from "std/experts/swiglu"\nimport { top_k } from "std/policies/top_k"\nmodel m(D: int = 4) {\n  input x: f32[B, D]\n  output y = moe(x) {\n    experts 4 of swiglu(F = 8)\n    route top_k(k = 1)\n  }\n  train {\n    loss size = mean(mean(y * y))\n    optimiser sgd(rate = 0.1)\n    batch B = 2\n  }\n}',
  },
} as const satisfies Readonly<Record<string, CodeRow>>

export type Code = keyof typeof rows

export const codes: { readonly [C in Code]: CodeRow } = rows
