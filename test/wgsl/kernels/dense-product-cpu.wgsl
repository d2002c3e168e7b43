enable subgroups;

// contract
@group(0) @binding(0) var<uniform> dims: array<vec4<u32>, 1>;
fn dim_T() -> u32 { return dims[0].x; }
fn smoe_ceil_divide(a: u32, b: u32) -> u32 { return (a + b - 1u) / b; }
@group(0) @binding(1) var<storage, read> buffer_x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> buffer_w: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> buffer_y: array<f32>;
fn load4_x(i: u32) -> vec4<f32> {
  return buffer_x[i];
}
fn load4_w(i: u32) -> vec4<f32> {
  return buffer_w[i];
}
fn store_y(i: u32, value: f32) {
  buffer_y[i] = value; return;
}

fn left_start(row: u32) -> u32 {
  return ((row * 8u)) / 4u;
}
fn right0_start(expert: u32, column: u32) -> u32 {
  return ((((expert * 4u) + column) * 8u)) / 4u;
}
fn epilogue(row: u32, column: u32, sum0: f32) {
  store_y(((row * 4u) + column), sum0);
}

@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3<u32>,
  @builtin(num_workgroups) num_workgroups: vec3<u32>,
  @builtin(subgroup_invocation_id) thread: u32,
) {
  let workgroup = workgroup_id.x + workgroup_id.y * num_workgroups.x;
  if (workgroup >= (smoe_ceil_divide(dim_T(), 2u))) { return; }
  let column_tile = workgroup / (smoe_ceil_divide(dim_T(), 2u));
  let row_tile = workgroup - column_tile * (smoe_ceil_divide(dim_T(), 2u));
  let expert = 0u;
  let first_row = row_tile * 2u;
  let row_count = min(2u, dim_T() - first_row);
  let first_column = column_tile * 4u;
  let right0_0 = right0_start(expert, first_column + 0u) + thread;
  let right0_1 = right0_start(expert, first_column + 1u) + thread;
  let right0_2 = right0_start(expert, first_column + 2u) + thread;
  let right0_3 = right0_start(expert, first_column + 3u) + thread;
  let left0 = left_start(first_row + min(0u, row_count - 1u)) + thread;
  let left1 = left_start(first_row + min(1u, row_count - 1u)) + thread;
  var s0_0_0 = 0.0;
  var s0_0_1 = 0.0;
  var s0_0_2 = 0.0;
  var s0_0_3 = 0.0;
  var s0_1_0 = 0.0;
  var s0_1_1 = 0.0;
  var s0_1_2 = 0.0;
  var s0_1_3 = 0.0;
  var k = 0u;
  for (; k + 4u <= 2u; k += 4u) {
    let a0 = load4_x(left0 + k);
    let a1 = load4_x(left1 + k);
    let b0_0 = load4_w(right0_0 + k);
    s0_0_0 += dot(a0, b0_0);
    s0_1_0 += dot(a1, b0_0);
    let b0_1 = load4_w(right0_1 + k);
    s0_0_1 += dot(a0, b0_1);
    s0_1_1 += dot(a1, b0_1);
    let b0_2 = load4_w(right0_2 + k);
    s0_0_2 += dot(a0, b0_2);
    s0_1_2 += dot(a1, b0_2);
    let b0_3 = load4_w(right0_3 + k);
    s0_0_3 += dot(a0, b0_3);
    s0_1_3 += dot(a1, b0_3);
  }
  if (k + thread < 2u) {
    let a0 = load4_x(left0 + k);
    let a1 = load4_x(left1 + k);
    let b0_0 = load4_w(right0_0 + k);
    s0_0_0 += dot(a0, b0_0);
    s0_1_0 += dot(a1, b0_0);
    let b0_1 = load4_w(right0_1 + k);
    s0_0_1 += dot(a0, b0_1);
    s0_1_1 += dot(a1, b0_1);
    let b0_2 = load4_w(right0_2 + k);
    s0_0_2 += dot(a0, b0_2);
    s0_1_2 += dot(a1, b0_2);
    let b0_3 = load4_w(right0_3 + k);
    s0_0_3 += dot(a0, b0_3);
    s0_1_3 += dot(a1, b0_3);
  }
  var sums = array<f32, 8>(subgroupAdd(s0_0_0), subgroupAdd(s0_0_1), subgroupAdd(s0_0_2), subgroupAdd(s0_0_3), subgroupAdd(s0_1_0), subgroupAdd(s0_1_1), subgroupAdd(s0_1_2), subgroupAdd(s0_1_3));
  for (var i = thread; i < 8u; i += 4u) {
    let r = i / 4u;
    let column = first_column + i - r * 4u;
    if (r < row_count) { epilogue(first_row + r, column, sums[i * 1u + 0u]); }
  }
}


enable subgroups;

// contract
@group(0) @binding(0) var<uniform> dims: array<vec4<u32>, 1>;
fn dim_T() -> u32 { return dims[0].x; }
fn smoe_ceil_divide(a: u32, b: u32) -> u32 { return (a + b - 1u) / b; }
@group(0) @binding(1) var<storage, read> buffer_x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> buffer_w: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> buffer_y: array<f32>;
fn load4_x(i: u32) -> vec4<f32> {
  return buffer_x[i];
}
fn load4_w(i: u32) -> vec4<f32> {
  return buffer_w[i];
}
fn store_y(i: u32, value: f32) {
  buffer_y[i] = value; return;
}

fn left_start(row: u32) -> u32 {
  return ((row * 8u)) / 4u;
}
fn right0_start(expert: u32, column: u32) -> u32 {
  return ((((expert * 4u) + column) * 8u)) / 4u;
}
fn epilogue(row: u32, column: u32, sum0: f32) {
  store_y(((row * 4u) + column), sum0);
}

@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3<u32>,
  @builtin(num_workgroups) num_workgroups: vec3<u32>,
  @builtin(subgroup_invocation_id) thread: u32,
) {
  let workgroup = workgroup_id.x + workgroup_id.y * num_workgroups.x;
  if (workgroup >= (smoe_ceil_divide(dim_T(), 16u))) { return; }
  let column_tile = workgroup / (smoe_ceil_divide(dim_T(), 16u));
  let row_tile = workgroup - column_tile * (smoe_ceil_divide(dim_T(), 16u));
  let expert = 0u;
  let first_row = row_tile * 16u;
  let row_count = min(16u, dim_T() - first_row);
  let first_column = column_tile * 4u;
  let column0 = first_column + 0u + thread;
  let right0_0 = right0_start(expert, column0);
  let left0 = left_start(first_row + min(thread + 0u, row_count - 1u));
  let left1 = left_start(first_row + min(thread + 4u, row_count - 1u));
  let left2 = left_start(first_row + min(thread + 8u, row_count - 1u));
  let left3 = left_start(first_row + min(thread + 12u, row_count - 1u));
  var s0_0_0 = 0.0;
  var s0_1_0 = 0.0;
  var s0_2_0 = 0.0;
  var s0_3_0 = 0.0;
  var s0_4_0 = 0.0;
  var s0_5_0 = 0.0;
  var s0_6_0 = 0.0;
  var s0_7_0 = 0.0;
  var s0_8_0 = 0.0;
  var s0_9_0 = 0.0;
  var s0_10_0 = 0.0;
  var s0_11_0 = 0.0;
  var s0_12_0 = 0.0;
  var s0_13_0 = 0.0;
  var s0_14_0 = 0.0;
  var s0_15_0 = 0.0;
  var k = 0u;
  for (; k < 2u; k += 1u) {
    let a0_0 = load4_x(left0 + k);
    let a1_0 = load4_x(left1 + k);
    let a2_0 = load4_x(left2 + k);
    let a3_0 = load4_x(left3 + k);
    let b0_0_0 = load4_w(right0_0 + k);
    let x0_0 = subgroupBroadcast(a0_0, 0u);
    s0_0_0 += dot(x0_0, b0_0_0);
    let x1_0 = subgroupBroadcast(a0_0, 1u);
    s0_1_0 += dot(x1_0, b0_0_0);
    let x2_0 = subgroupBroadcast(a0_0, 2u);
    s0_2_0 += dot(x2_0, b0_0_0);
    let x3_0 = subgroupBroadcast(a0_0, 3u);
    s0_3_0 += dot(x3_0, b0_0_0);
    let x4_0 = subgroupBroadcast(a1_0, 0u);
    s0_4_0 += dot(x4_0, b0_0_0);
    let x5_0 = subgroupBroadcast(a1_0, 1u);
    s0_5_0 += dot(x5_0, b0_0_0);
    let x6_0 = subgroupBroadcast(a1_0, 2u);
    s0_6_0 += dot(x6_0, b0_0_0);
    let x7_0 = subgroupBroadcast(a1_0, 3u);
    s0_7_0 += dot(x7_0, b0_0_0);
    let x8_0 = subgroupBroadcast(a2_0, 0u);
    s0_8_0 += dot(x8_0, b0_0_0);
    let x9_0 = subgroupBroadcast(a2_0, 1u);
    s0_9_0 += dot(x9_0, b0_0_0);
    let x10_0 = subgroupBroadcast(a2_0, 2u);
    s0_10_0 += dot(x10_0, b0_0_0);
    let x11_0 = subgroupBroadcast(a2_0, 3u);
    s0_11_0 += dot(x11_0, b0_0_0);
    let x12_0 = subgroupBroadcast(a3_0, 0u);
    s0_12_0 += dot(x12_0, b0_0_0);
    let x13_0 = subgroupBroadcast(a3_0, 1u);
    s0_13_0 += dot(x13_0, b0_0_0);
    let x14_0 = subgroupBroadcast(a3_0, 2u);
    s0_14_0 += dot(x14_0, b0_0_0);
    let x15_0 = subgroupBroadcast(a3_0, 3u);
    s0_15_0 += dot(x15_0, b0_0_0);
  }
  var sums = array<f32, 16>(s0_0_0, s0_1_0, s0_2_0, s0_3_0, s0_4_0, s0_5_0, s0_6_0, s0_7_0, s0_8_0, s0_9_0, s0_10_0, s0_11_0, s0_12_0, s0_13_0, s0_14_0, s0_15_0);
  for (var r = 0u; r < row_count; r++) {
    let row = first_row + r;
    epilogue(row, column0, sums[r * 1u + 0u]);
  }
}

