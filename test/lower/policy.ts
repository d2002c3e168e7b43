/** A model with one policy, for tests of `when training`. */
export const policySpec = (policy: string, training = '', around = ''): string => `import { swiglu } from "std/experts/swiglu"
${around}policy p(k: int in 1..E = 2) {
  param gate: f32[E, D]
${policy}
}
model m(D: int = 4, E: int = 4) {
  input x: f32[B, D]
  let h = moe(x) {
    experts E of swiglu(F = 3)
    route p()
  }
  output y: f32[B, D] = h
${training}}
`
