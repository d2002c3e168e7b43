enable subgroups;

// grouped_matmul x2, sigmoid, multiply x2
@group(0) @binding(0) var<uniform> dims: array<vec4<u32>, 1>;
fn dim_T() -> u32 { return dims[0].x; }
@group(0) @binding(1) var<storage, read> buffer_x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> buffer_gate: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> buffer_up: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> buffer_chosen: array<i32>;
@group(0) @binding(5) var<storage, read_write> buffer_y: array<f32>;
fn load4_x(i: u32) -> vec4<f32> {
  return buffer_x[i];
}
fn load4_gate(i: u32) -> vec4<f32> {
  return buffer_gate[i];
}
fn load4_up(i: u32) -> vec4<f32> {
  return buffer_up[i];
}
fn load_chosen(i: u32) -> i32 {
  return buffer_chosen[i];
}
fn store_y(i: u32, value: f32) {
  buffer_y[i] = value; return;
}
fn smoe_is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}
fn smoe_exp(x: f32) -> f32 {
  return select(exp(x), x, smoe_is_nan(x));
}

fn expert_of(row: u32) -> u32 {
  return u32(load_chosen(row));
}
fn left_start(row: u32) -> u32 {
  return (((row / 2u) * 8u)) / 4u;
}
fn right0_start(expert: u32, column: u32) -> u32 {
  return ((((expert * 8u) + column) * 8u)) / 4u;
}
fn right1_start(expert: u32, column: u32) -> u32 {
  return ((((expert * 8u) + column) * 8u)) / 4u;
}
fn epilogue(row: u32, column: u32, sum0: f32, sum1: f32) {
  store_y(((row * 8u) + column), ((sum0 * (1.0f / (1.0f + smoe_exp(-sum0)))) * sum1));
}

@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3<u32>,
  @builtin(num_workgroups) num_workgroups: vec3<u32>,
  @builtin(subgroup_invocation_id) thread: u32,
) {
  let workgroup = workgroup_id.x + workgroup_id.y * num_workgroups.x;
  if (workgroup >= (4u * dim_T())) { return; }
  let column_tile = workgroup / (2u * dim_T());
  let row_tile = workgroup - column_tile * (2u * dim_T());
  let expert = expert_of(row_tile);
  if (expert >= 4u) { return; }
  let row_count = 1u;
  let first_column = column_tile * 4u;
  let right0_0 = right0_start(expert, first_column + 0u) + thread;
  let right1_0 = right1_start(expert, first_column + 0u) + thread;
  let right0_1 = right0_start(expert, first_column + 1u) + thread;
  let right1_1 = right1_start(expert, first_column + 1u) + thread;
  let right0_2 = right0_start(expert, first_column + 2u) + thread;
  let right1_2 = right1_start(expert, first_column + 2u) + thread;
  let right0_3 = right0_start(expert, first_column + 3u) + thread;
  let right1_3 = right1_start(expert, first_column + 3u) + thread;
  let left0 = left_start(row_tile) + thread;
  var s0_0_0 = 0.0;
  var s1_0_0 = 0.0;
  var s0_0_1 = 0.0;
  var s1_0_1 = 0.0;
  var s0_0_2 = 0.0;
  var s1_0_2 = 0.0;
  var s0_0_3 = 0.0;
  var s1_0_3 = 0.0;
  var k = 0u;
  for (; k + 4u <= 2u; k += 4u) {
    let a0 = load4_x(left0 + k);
    let b0_0 = load4_gate(right0_0 + k);
    s0_0_0 += dot(a0, b0_0);
    let b1_0 = load4_up(right1_0 + k);
    s1_0_0 += dot(a0, b1_0);
    let b0_1 = load4_gate(right0_1 + k);
    s0_0_1 += dot(a0, b0_1);
    let b1_1 = load4_up(right1_1 + k);
    s1_0_1 += dot(a0, b1_1);
    let b0_2 = load4_gate(right0_2 + k);
    s0_0_2 += dot(a0, b0_2);
    let b1_2 = load4_up(right1_2 + k);
    s1_0_2 += dot(a0, b1_2);
    let b0_3 = load4_gate(right0_3 + k);
    s0_0_3 += dot(a0, b0_3);
    let b1_3 = load4_up(right1_3 + k);
    s1_0_3 += dot(a0, b1_3);
  }
  if (k + thread < 2u) {
    let a0 = load4_x(left0 + k);
    let b0_0 = load4_gate(right0_0 + k);
    s0_0_0 += dot(a0, b0_0);
    let b1_0 = load4_up(right1_0 + k);
    s1_0_0 += dot(a0, b1_0);
    let b0_1 = load4_gate(right0_1 + k);
    s0_0_1 += dot(a0, b0_1);
    let b1_1 = load4_up(right1_1 + k);
    s1_0_1 += dot(a0, b1_1);
    let b0_2 = load4_gate(right0_2 + k);
    s0_0_2 += dot(a0, b0_2);
    let b1_2 = load4_up(right1_2 + k);
    s1_0_2 += dot(a0, b1_2);
    let b0_3 = load4_gate(right0_3 + k);
    s0_0_3 += dot(a0, b0_3);
    let b1_3 = load4_up(right1_3 + k);
    s1_0_3 += dot(a0, b1_3);
  }
  var sums = array<f32, 8>(subgroupAdd(s0_0_0), subgroupAdd(s1_0_0), subgroupAdd(s0_0_1), subgroupAdd(s1_0_1), subgroupAdd(s0_0_2), subgroupAdd(s1_0_2), subgroupAdd(s0_0_3), subgroupAdd(s1_0_3));
  for (var i = thread; i < 4u; i += 4u) {
    let r = i / 4u;
    let column = first_column + i - r * 4u;
    epilogue(row_tile, column, sums[i * 2u + 0u], sums[i * 2u + 1u]);
  }
}


enable subgroups;

// grouped_matmul, multiply
@group(0) @binding(0) var<uniform> dims: array<vec4<u32>, 1>;
fn dim_T() -> u32 { return dims[0].x; }
@group(0) @binding(1) var<storage, read> buffer_x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> buffer_down: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> buffer_chosen: array<i32>;
@group(0) @binding(4) var<storage, read_write> buffer_y: array<f32>;
@group(0) @binding(5) var<storage, read> buffer_x2: array<f32>;
fn load4_x(i: u32) -> vec4<f32> {
  return buffer_x[i];
}
fn load4_down(i: u32) -> vec4<f32> {
  return buffer_down[i];
}
fn load_chosen(i: u32) -> i32 {
  return buffer_chosen[i];
}
fn store_y(i: u32, value: f32) {
  buffer_y[i] = value; return;
}
fn load_x2(i: u32) -> f32 {
  return buffer_x2[i];
}

fn expert_of(row: u32) -> u32 {
  return u32(load_chosen(row));
}
fn left_start(row: u32) -> u32 {
  return ((row * 8u)) / 4u;
}
fn right0_start(expert: u32, column: u32) -> u32 {
  return ((((expert * 8u) + column) * 8u)) / 4u;
}
fn epilogue(row: u32, column: u32, sum0: f32) {
  store_y(((row * 8u) + column), (sum0 * load_x2(row)));
}

@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3<u32>,
  @builtin(num_workgroups) num_workgroups: vec3<u32>,
  @builtin(subgroup_invocation_id) thread: u32,
) {
  let workgroup = workgroup_id.x + workgroup_id.y * num_workgroups.x;
  if (workgroup >= (2u * dim_T())) { return; }
  let column_tile = workgroup / (2u * dim_T());
  let row_tile = workgroup - column_tile * (2u * dim_T());
  let expert = expert_of(row_tile);
  if (expert >= 4u) { return; }
  let row_count = 1u;
  let first_column = column_tile * 8u;
  let right0_0 = right0_start(expert, first_column + 0u) + thread;
  let right0_1 = right0_start(expert, first_column + 1u) + thread;
  let right0_2 = right0_start(expert, first_column + 2u) + thread;
  let right0_3 = right0_start(expert, first_column + 3u) + thread;
  let right0_4 = right0_start(expert, first_column + 4u) + thread;
  let right0_5 = right0_start(expert, first_column + 5u) + thread;
  let right0_6 = right0_start(expert, first_column + 6u) + thread;
  let right0_7 = right0_start(expert, first_column + 7u) + thread;
  let left0 = left_start(row_tile) + thread;
  var s0_0_0 = 0.0;
  var s0_0_1 = 0.0;
  var s0_0_2 = 0.0;
  var s0_0_3 = 0.0;
  var s0_0_4 = 0.0;
  var s0_0_5 = 0.0;
  var s0_0_6 = 0.0;
  var s0_0_7 = 0.0;
  var k = 0u;
  for (; k + 4u <= 2u; k += 4u) {
    let a0 = load4_x(left0 + k);
    let b0_0 = load4_down(right0_0 + k);
    s0_0_0 += dot(a0, b0_0);
    let b0_1 = load4_down(right0_1 + k);
    s0_0_1 += dot(a0, b0_1);
    let b0_2 = load4_down(right0_2 + k);
    s0_0_2 += dot(a0, b0_2);
    let b0_3 = load4_down(right0_3 + k);
    s0_0_3 += dot(a0, b0_3);
    let b0_4 = load4_down(right0_4 + k);
    s0_0_4 += dot(a0, b0_4);
    let b0_5 = load4_down(right0_5 + k);
    s0_0_5 += dot(a0, b0_5);
    let b0_6 = load4_down(right0_6 + k);
    s0_0_6 += dot(a0, b0_6);
    let b0_7 = load4_down(right0_7 + k);
    s0_0_7 += dot(a0, b0_7);
  }
  if (k + thread < 2u) {
    let a0 = load4_x(left0 + k);
    let b0_0 = load4_down(right0_0 + k);
    s0_0_0 += dot(a0, b0_0);
    let b0_1 = load4_down(right0_1 + k);
    s0_0_1 += dot(a0, b0_1);
    let b0_2 = load4_down(right0_2 + k);
    s0_0_2 += dot(a0, b0_2);
    let b0_3 = load4_down(right0_3 + k);
    s0_0_3 += dot(a0, b0_3);
    let b0_4 = load4_down(right0_4 + k);
    s0_0_4 += dot(a0, b0_4);
    let b0_5 = load4_down(right0_5 + k);
    s0_0_5 += dot(a0, b0_5);
    let b0_6 = load4_down(right0_6 + k);
    s0_0_6 += dot(a0, b0_6);
    let b0_7 = load4_down(right0_7 + k);
    s0_0_7 += dot(a0, b0_7);
  }
  var sums = array<f32, 8>(subgroupAdd(s0_0_0), subgroupAdd(s0_0_1), subgroupAdd(s0_0_2), subgroupAdd(s0_0_3), subgroupAdd(s0_0_4), subgroupAdd(s0_0_5), subgroupAdd(s0_0_6), subgroupAdd(s0_0_7));
  for (var i = thread; i < 8u; i += 4u) {
    let r = i / 8u;
    let column = first_column + i - r * 8u;
    epilogue(row_tile, column, sums[i * 1u + 0u]);
  }
}


enable subgroups;

// grouped_matmul x2, sigmoid, multiply x2
@group(0) @binding(0) var<uniform> dims: array<vec4<u32>, 1>;
fn dim_T() -> u32 { return dims[0].x; }
fn smoe_ceil_divide(a: u32, b: u32) -> u32 { return (a + b - 1u) / b; }
@group(0) @binding(1) var<storage, read> buffer_order: array<i32>;
@group(0) @binding(2) var<storage, read> buffer_x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> buffer_gate: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> buffer_up: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> buffer_y: array<f32>;
fn load_order(i: u32) -> i32 {
  return buffer_order[i];
}
fn load4_x(i: u32) -> vec4<f32> {
  return buffer_x[i];
}
fn load4_gate(i: u32) -> vec4<f32> {
  return buffer_gate[i];
}
fn load4_up(i: u32) -> vec4<f32> {
  return buffer_up[i];
}
fn store_y(i: u32, value: f32) {
  buffer_y[i] = value; return;
}
fn smoe_is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}
fn smoe_exp(x: f32) -> f32 {
  return select(exp(x), x, smoe_is_nan(x));
}

fn left_start(row: u32) -> u32 {
  return (((row / 2u) * 8u)) / 4u;
}
fn right0_start(expert: u32, column: u32) -> u32 {
  return ((((expert * 8u) + column) * 8u)) / 4u;
}
fn right1_start(expert: u32, column: u32) -> u32 {
  return ((((expert * 8u) + column) * 8u)) / 4u;
}
fn epilogue(row: u32, column: u32, sum0: f32, sum1: f32) {
  store_y(((row * 8u) + column), ((sum0 * (1.0f / (1.0f + smoe_exp(-sum0)))) * sum1));
}

@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3<u32>,
  @builtin(num_workgroups) num_workgroups: vec3<u32>,
  @builtin(subgroup_invocation_id) thread: u32,
) {
  let workgroup = workgroup_id.x + workgroup_id.y * num_workgroups.x;
  if (workgroup >= (smoe_ceil_divide((2u * dim_T()), 16u) + 4u)) { return; }
  let column_tile = workgroup / (smoe_ceil_divide((2u * dim_T()), 16u) + 4u);
  let row_tile = workgroup - column_tile * (smoe_ceil_divide((2u * dim_T()), 16u) + 4u);
  let tile_entry = (2u * dim_T()) + 2u * row_tile;
  let tile_expert = load_order(tile_entry);
  if (tile_expert < 0) { return; }
  let expert = u32(tile_expert);
  let first_place = u32(load_order(tile_entry + 1u));
  let row_count = min(16u, u32(load_order(tile_entry + 3u)) - first_place);
  let first_column = column_tile * 8u;
  let column0 = first_column + 0u + thread;
  let column1 = first_column + 4u + thread;
  let right0_0 = right0_start(expert, column0);
  let right1_0 = right1_start(expert, column0);
  let right0_1 = right0_start(expert, column1);
  let right1_1 = right1_start(expert, column1);
  let left0 = left_start(u32(load_order(first_place + min(thread + 0u, row_count - 1u))));
  let left1 = left_start(u32(load_order(first_place + min(thread + 4u, row_count - 1u))));
  let left2 = left_start(u32(load_order(first_place + min(thread + 8u, row_count - 1u))));
  let left3 = left_start(u32(load_order(first_place + min(thread + 12u, row_count - 1u))));
  var s0_0_0 = 0.0;
  var s1_0_0 = 0.0;
  var s0_0_1 = 0.0;
  var s1_0_1 = 0.0;
  var s0_1_0 = 0.0;
  var s1_1_0 = 0.0;
  var s0_1_1 = 0.0;
  var s1_1_1 = 0.0;
  var s0_2_0 = 0.0;
  var s1_2_0 = 0.0;
  var s0_2_1 = 0.0;
  var s1_2_1 = 0.0;
  var s0_3_0 = 0.0;
  var s1_3_0 = 0.0;
  var s0_3_1 = 0.0;
  var s1_3_1 = 0.0;
  var s0_4_0 = 0.0;
  var s1_4_0 = 0.0;
  var s0_4_1 = 0.0;
  var s1_4_1 = 0.0;
  var s0_5_0 = 0.0;
  var s1_5_0 = 0.0;
  var s0_5_1 = 0.0;
  var s1_5_1 = 0.0;
  var s0_6_0 = 0.0;
  var s1_6_0 = 0.0;
  var s0_6_1 = 0.0;
  var s1_6_1 = 0.0;
  var s0_7_0 = 0.0;
  var s1_7_0 = 0.0;
  var s0_7_1 = 0.0;
  var s1_7_1 = 0.0;
  var s0_8_0 = 0.0;
  var s1_8_0 = 0.0;
  var s0_8_1 = 0.0;
  var s1_8_1 = 0.0;
  var s0_9_0 = 0.0;
  var s1_9_0 = 0.0;
  var s0_9_1 = 0.0;
  var s1_9_1 = 0.0;
  var s0_10_0 = 0.0;
  var s1_10_0 = 0.0;
  var s0_10_1 = 0.0;
  var s1_10_1 = 0.0;
  var s0_11_0 = 0.0;
  var s1_11_0 = 0.0;
  var s0_11_1 = 0.0;
  var s1_11_1 = 0.0;
  var s0_12_0 = 0.0;
  var s1_12_0 = 0.0;
  var s0_12_1 = 0.0;
  var s1_12_1 = 0.0;
  var s0_13_0 = 0.0;
  var s1_13_0 = 0.0;
  var s0_13_1 = 0.0;
  var s1_13_1 = 0.0;
  var s0_14_0 = 0.0;
  var s1_14_0 = 0.0;
  var s0_14_1 = 0.0;
  var s1_14_1 = 0.0;
  var s0_15_0 = 0.0;
  var s1_15_0 = 0.0;
  var s0_15_1 = 0.0;
  var s1_15_1 = 0.0;
  var k = 0u;
  for (; k < 2u; k += 1u) {
    let a0_0 = load4_x(left0 + k);
    let a1_0 = load4_x(left1 + k);
    let a2_0 = load4_x(left2 + k);
    let a3_0 = load4_x(left3 + k);
    let b0_0_0 = load4_gate(right0_0 + k);
    let b1_0_0 = load4_up(right1_0 + k);
    let b0_1_0 = load4_gate(right0_1 + k);
    let b1_1_0 = load4_up(right1_1 + k);
    let x0_0 = subgroupBroadcast(a0_0, 0u);
    s0_0_0 += dot(x0_0, b0_0_0);
    s1_0_0 += dot(x0_0, b1_0_0);
    s0_0_1 += dot(x0_0, b0_1_0);
    s1_0_1 += dot(x0_0, b1_1_0);
    let x1_0 = subgroupBroadcast(a0_0, 1u);
    s0_1_0 += dot(x1_0, b0_0_0);
    s1_1_0 += dot(x1_0, b1_0_0);
    s0_1_1 += dot(x1_0, b0_1_0);
    s1_1_1 += dot(x1_0, b1_1_0);
    let x2_0 = subgroupBroadcast(a0_0, 2u);
    s0_2_0 += dot(x2_0, b0_0_0);
    s1_2_0 += dot(x2_0, b1_0_0);
    s0_2_1 += dot(x2_0, b0_1_0);
    s1_2_1 += dot(x2_0, b1_1_0);
    let x3_0 = subgroupBroadcast(a0_0, 3u);
    s0_3_0 += dot(x3_0, b0_0_0);
    s1_3_0 += dot(x3_0, b1_0_0);
    s0_3_1 += dot(x3_0, b0_1_0);
    s1_3_1 += dot(x3_0, b1_1_0);
    let x4_0 = subgroupBroadcast(a1_0, 0u);
    s0_4_0 += dot(x4_0, b0_0_0);
    s1_4_0 += dot(x4_0, b1_0_0);
    s0_4_1 += dot(x4_0, b0_1_0);
    s1_4_1 += dot(x4_0, b1_1_0);
    let x5_0 = subgroupBroadcast(a1_0, 1u);
    s0_5_0 += dot(x5_0, b0_0_0);
    s1_5_0 += dot(x5_0, b1_0_0);
    s0_5_1 += dot(x5_0, b0_1_0);
    s1_5_1 += dot(x5_0, b1_1_0);
    let x6_0 = subgroupBroadcast(a1_0, 2u);
    s0_6_0 += dot(x6_0, b0_0_0);
    s1_6_0 += dot(x6_0, b1_0_0);
    s0_6_1 += dot(x6_0, b0_1_0);
    s1_6_1 += dot(x6_0, b1_1_0);
    let x7_0 = subgroupBroadcast(a1_0, 3u);
    s0_7_0 += dot(x7_0, b0_0_0);
    s1_7_0 += dot(x7_0, b1_0_0);
    s0_7_1 += dot(x7_0, b0_1_0);
    s1_7_1 += dot(x7_0, b1_1_0);
    let x8_0 = subgroupBroadcast(a2_0, 0u);
    s0_8_0 += dot(x8_0, b0_0_0);
    s1_8_0 += dot(x8_0, b1_0_0);
    s0_8_1 += dot(x8_0, b0_1_0);
    s1_8_1 += dot(x8_0, b1_1_0);
    let x9_0 = subgroupBroadcast(a2_0, 1u);
    s0_9_0 += dot(x9_0, b0_0_0);
    s1_9_0 += dot(x9_0, b1_0_0);
    s0_9_1 += dot(x9_0, b0_1_0);
    s1_9_1 += dot(x9_0, b1_1_0);
    let x10_0 = subgroupBroadcast(a2_0, 2u);
    s0_10_0 += dot(x10_0, b0_0_0);
    s1_10_0 += dot(x10_0, b1_0_0);
    s0_10_1 += dot(x10_0, b0_1_0);
    s1_10_1 += dot(x10_0, b1_1_0);
    let x11_0 = subgroupBroadcast(a2_0, 3u);
    s0_11_0 += dot(x11_0, b0_0_0);
    s1_11_0 += dot(x11_0, b1_0_0);
    s0_11_1 += dot(x11_0, b0_1_0);
    s1_11_1 += dot(x11_0, b1_1_0);
    let x12_0 = subgroupBroadcast(a3_0, 0u);
    s0_12_0 += dot(x12_0, b0_0_0);
    s1_12_0 += dot(x12_0, b1_0_0);
    s0_12_1 += dot(x12_0, b0_1_0);
    s1_12_1 += dot(x12_0, b1_1_0);
    let x13_0 = subgroupBroadcast(a3_0, 1u);
    s0_13_0 += dot(x13_0, b0_0_0);
    s1_13_0 += dot(x13_0, b1_0_0);
    s0_13_1 += dot(x13_0, b0_1_0);
    s1_13_1 += dot(x13_0, b1_1_0);
    let x14_0 = subgroupBroadcast(a3_0, 2u);
    s0_14_0 += dot(x14_0, b0_0_0);
    s1_14_0 += dot(x14_0, b1_0_0);
    s0_14_1 += dot(x14_0, b0_1_0);
    s1_14_1 += dot(x14_0, b1_1_0);
    let x15_0 = subgroupBroadcast(a3_0, 3u);
    s0_15_0 += dot(x15_0, b0_0_0);
    s1_15_0 += dot(x15_0, b1_0_0);
    s0_15_1 += dot(x15_0, b0_1_0);
    s1_15_1 += dot(x15_0, b1_1_0);
  }
  var sums = array<f32, 64>(s0_0_0, s1_0_0, s0_0_1, s1_0_1, s0_1_0, s1_1_0, s0_1_1, s1_1_1, s0_2_0, s1_2_0, s0_2_1, s1_2_1, s0_3_0, s1_3_0, s0_3_1, s1_3_1, s0_4_0, s1_4_0, s0_4_1, s1_4_1, s0_5_0, s1_5_0, s0_5_1, s1_5_1, s0_6_0, s1_6_0, s0_6_1, s1_6_1, s0_7_0, s1_7_0, s0_7_1, s1_7_1, s0_8_0, s1_8_0, s0_8_1, s1_8_1, s0_9_0, s1_9_0, s0_9_1, s1_9_1, s0_10_0, s1_10_0, s0_10_1, s1_10_1, s0_11_0, s1_11_0, s0_11_1, s1_11_1, s0_12_0, s1_12_0, s0_12_1, s1_12_1, s0_13_0, s1_13_0, s0_13_1, s1_13_1, s0_14_0, s1_14_0, s0_14_1, s1_14_1, s0_15_0, s1_15_0, s0_15_1, s1_15_1);
  for (var r = 0u; r < row_count; r++) {
    let row = u32(load_order(first_place + r));
    epilogue(row, column0, sums[r * 4u + 0u], sums[r * 4u + 1u]);
    epilogue(row, column1, sums[r * 4u + 2u], sums[r * 4u + 3u]);
  }
}


enable subgroups;

// grouped_matmul, multiply
@group(0) @binding(0) var<uniform> dims: array<vec4<u32>, 1>;
fn dim_T() -> u32 { return dims[0].x; }
fn smoe_ceil_divide(a: u32, b: u32) -> u32 { return (a + b - 1u) / b; }
@group(0) @binding(1) var<storage, read> buffer_order: array<i32>;
@group(0) @binding(2) var<storage, read> buffer_x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> buffer_down: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> buffer_y: array<f32>;
@group(0) @binding(5) var<storage, read> buffer_x2: array<f32>;
fn load_order(i: u32) -> i32 {
  return buffer_order[i];
}
fn load4_x(i: u32) -> vec4<f32> {
  return buffer_x[i];
}
fn load4_down(i: u32) -> vec4<f32> {
  return buffer_down[i];
}
fn store_y(i: u32, value: f32) {
  buffer_y[i] = value; return;
}
fn load_x2(i: u32) -> f32 {
  return buffer_x2[i];
}

fn left_start(row: u32) -> u32 {
  return ((row * 8u)) / 4u;
}
fn right0_start(expert: u32, column: u32) -> u32 {
  return ((((expert * 8u) + column) * 8u)) / 4u;
}
fn epilogue(row: u32, column: u32, sum0: f32) {
  store_y(((row * 8u) + column), (sum0 * load_x2(row)));
}

@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3<u32>,
  @builtin(num_workgroups) num_workgroups: vec3<u32>,
  @builtin(subgroup_invocation_id) thread: u32,
) {
  let workgroup = workgroup_id.x + workgroup_id.y * num_workgroups.x;
  if (workgroup >= (smoe_ceil_divide((2u * dim_T()), 16u) + 4u)) { return; }
  let column_tile = workgroup / (smoe_ceil_divide((2u * dim_T()), 16u) + 4u);
  let row_tile = workgroup - column_tile * (smoe_ceil_divide((2u * dim_T()), 16u) + 4u);
  let tile_entry = (2u * dim_T()) + 2u * row_tile;
  let tile_expert = load_order(tile_entry);
  if (tile_expert < 0) { return; }
  let expert = u32(tile_expert);
  let first_place = u32(load_order(tile_entry + 1u));
  let row_count = min(16u, u32(load_order(tile_entry + 3u)) - first_place);
  let first_column = column_tile * 8u;
  let column0 = first_column + 0u + thread;
  let column1 = first_column + 4u + thread;
  let right0_0 = right0_start(expert, column0);
  let right0_1 = right0_start(expert, column1);
  let left0 = left_start(u32(load_order(first_place + min(thread + 0u, row_count - 1u))));
  let left1 = left_start(u32(load_order(first_place + min(thread + 4u, row_count - 1u))));
  let left2 = left_start(u32(load_order(first_place + min(thread + 8u, row_count - 1u))));
  let left3 = left_start(u32(load_order(first_place + min(thread + 12u, row_count - 1u))));
  var s0_0_0 = 0.0;
  var s0_0_1 = 0.0;
  var s0_1_0 = 0.0;
  var s0_1_1 = 0.0;
  var s0_2_0 = 0.0;
  var s0_2_1 = 0.0;
  var s0_3_0 = 0.0;
  var s0_3_1 = 0.0;
  var s0_4_0 = 0.0;
  var s0_4_1 = 0.0;
  var s0_5_0 = 0.0;
  var s0_5_1 = 0.0;
  var s0_6_0 = 0.0;
  var s0_6_1 = 0.0;
  var s0_7_0 = 0.0;
  var s0_7_1 = 0.0;
  var s0_8_0 = 0.0;
  var s0_8_1 = 0.0;
  var s0_9_0 = 0.0;
  var s0_9_1 = 0.0;
  var s0_10_0 = 0.0;
  var s0_10_1 = 0.0;
  var s0_11_0 = 0.0;
  var s0_11_1 = 0.0;
  var s0_12_0 = 0.0;
  var s0_12_1 = 0.0;
  var s0_13_0 = 0.0;
  var s0_13_1 = 0.0;
  var s0_14_0 = 0.0;
  var s0_14_1 = 0.0;
  var s0_15_0 = 0.0;
  var s0_15_1 = 0.0;
  var k = 0u;
  for (; k < 2u; k += 1u) {
    let a0_0 = load4_x(left0 + k);
    let a1_0 = load4_x(left1 + k);
    let a2_0 = load4_x(left2 + k);
    let a3_0 = load4_x(left3 + k);
    let b0_0_0 = load4_down(right0_0 + k);
    let b0_1_0 = load4_down(right0_1 + k);
    let x0_0 = subgroupBroadcast(a0_0, 0u);
    s0_0_0 += dot(x0_0, b0_0_0);
    s0_0_1 += dot(x0_0, b0_1_0);
    let x1_0 = subgroupBroadcast(a0_0, 1u);
    s0_1_0 += dot(x1_0, b0_0_0);
    s0_1_1 += dot(x1_0, b0_1_0);
    let x2_0 = subgroupBroadcast(a0_0, 2u);
    s0_2_0 += dot(x2_0, b0_0_0);
    s0_2_1 += dot(x2_0, b0_1_0);
    let x3_0 = subgroupBroadcast(a0_0, 3u);
    s0_3_0 += dot(x3_0, b0_0_0);
    s0_3_1 += dot(x3_0, b0_1_0);
    let x4_0 = subgroupBroadcast(a1_0, 0u);
    s0_4_0 += dot(x4_0, b0_0_0);
    s0_4_1 += dot(x4_0, b0_1_0);
    let x5_0 = subgroupBroadcast(a1_0, 1u);
    s0_5_0 += dot(x5_0, b0_0_0);
    s0_5_1 += dot(x5_0, b0_1_0);
    let x6_0 = subgroupBroadcast(a1_0, 2u);
    s0_6_0 += dot(x6_0, b0_0_0);
    s0_6_1 += dot(x6_0, b0_1_0);
    let x7_0 = subgroupBroadcast(a1_0, 3u);
    s0_7_0 += dot(x7_0, b0_0_0);
    s0_7_1 += dot(x7_0, b0_1_0);
    let x8_0 = subgroupBroadcast(a2_0, 0u);
    s0_8_0 += dot(x8_0, b0_0_0);
    s0_8_1 += dot(x8_0, b0_1_0);
    let x9_0 = subgroupBroadcast(a2_0, 1u);
    s0_9_0 += dot(x9_0, b0_0_0);
    s0_9_1 += dot(x9_0, b0_1_0);
    let x10_0 = subgroupBroadcast(a2_0, 2u);
    s0_10_0 += dot(x10_0, b0_0_0);
    s0_10_1 += dot(x10_0, b0_1_0);
    let x11_0 = subgroupBroadcast(a2_0, 3u);
    s0_11_0 += dot(x11_0, b0_0_0);
    s0_11_1 += dot(x11_0, b0_1_0);
    let x12_0 = subgroupBroadcast(a3_0, 0u);
    s0_12_0 += dot(x12_0, b0_0_0);
    s0_12_1 += dot(x12_0, b0_1_0);
    let x13_0 = subgroupBroadcast(a3_0, 1u);
    s0_13_0 += dot(x13_0, b0_0_0);
    s0_13_1 += dot(x13_0, b0_1_0);
    let x14_0 = subgroupBroadcast(a3_0, 2u);
    s0_14_0 += dot(x14_0, b0_0_0);
    s0_14_1 += dot(x14_0, b0_1_0);
    let x15_0 = subgroupBroadcast(a3_0, 3u);
    s0_15_0 += dot(x15_0, b0_0_0);
    s0_15_1 += dot(x15_0, b0_1_0);
  }
  var sums = array<f32, 32>(s0_0_0, s0_0_1, s0_1_0, s0_1_1, s0_2_0, s0_2_1, s0_3_0, s0_3_1, s0_4_0, s0_4_1, s0_5_0, s0_5_1, s0_6_0, s0_6_1, s0_7_0, s0_7_1, s0_8_0, s0_8_1, s0_9_0, s0_9_1, s0_10_0, s0_10_1, s0_11_0, s0_11_1, s0_12_0, s0_12_1, s0_13_0, s0_13_1, s0_14_0, s0_14_1, s0_15_0, s0_15_1);
  for (var r = 0u; r < row_count; r++) {
    let row = u32(load_order(first_place + r));
    epilogue(row, column0, sums[r * 2u + 0u]);
    epilogue(row, column1, sums[r * 2u + 1u]);
  }
}

