// max, subtract, exp, sum, divide
@group(0) @binding(0) var<uniform> dims: array<vec4<u32>, 1>;
fn dim_T() -> u32 { return dims[0].x; }
fn smoe_ceil_divide(a: u32, b: u32) -> u32 { return (a + b - 1u) / b; }
@group(0) @binding(1) var<storage, read> buffer_x: array<f32>;
@group(0) @binding(2) var<storage, read_write> buffer_y: array<f32>;
fn load_x(i: u32) -> f32 {
  return buffer_x[i];
}
fn store_y(i: u32, value: f32) {
  buffer_y[i] = value; return;
}
fn smoe_real(bits: u32) -> f32 {
  return bitcast<f32>(bits);
}
fn smoe_is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}
fn smoe_exp(x: f32) -> f32 {
  return select(exp(x), x, smoe_is_nan(x));
}
fn smoe_maximum(a: f32, b: f32) -> f32 {
  return select(max(a, b), smoe_real(0x7fc00000u), smoe_is_nan(a) | smoe_is_nan(b));
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3<u32>,
  @builtin(num_workgroups) num_workgroups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let workgroup = workgroup_id.x + workgroup_id.y * num_workgroups.x;
  if (workgroup >= (smoe_ceil_divide(dim_T(), 8u))) { return; }
  let row = ((workgroup * 8u) + thread);
  if ((row < dim_T())) {
    var max0 = smoe_real(0xff800000u);
    for (var i1 = 0u; i1 < 8u; i1++) {
      max0 = smoe_maximum(max0, load_x(((row * 8u) + i1)));
    }
    var row_values2: array<f32, 8>;
    for (var i3 = 0u; i3 < 8u; i3++) {
      row_values2[i3] = smoe_exp((load_x(((row * 8u) + i3)) - max0));
    }
    var sum4 = 0.0f;
    for (var i5 = 0u; i5 < 8u; i5++) {
      sum4 = (sum4 + row_values2[i5]);
    }
    for (var i6 = 0u; i6 < 8u; i6++) {
      store_y(((row * 8u) + i6), (row_values2[i6] / sum4));
    }
  }
}
