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
var<workgroup> partial: array<f32, 512>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3<u32>,
  @builtin(num_workgroups) num_workgroups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
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
  for (; k + 64u <= 2u; k += 64u) {
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
  partial[0u + thread] = s0_0_0;
  partial[64u + thread] = s0_0_1;
  partial[128u + thread] = s0_0_2;
  partial[192u + thread] = s0_0_3;
  partial[256u + thread] = s0_1_0;
  partial[320u + thread] = s0_1_1;
  partial[384u + thread] = s0_1_2;
  partial[448u + thread] = s0_1_3;
  workgroupBarrier();
  for (var stride = 32u; stride > 0u; stride /= 2u) {
    if (thread < stride) {
      for (var i = thread; i < 512u; i += 64u) { partial[i] += partial[i + stride]; }
    }
    workgroupBarrier();
  }
  for (var i = thread; i < 8u; i += 64u) {
    let r = i / 4u;
    let column = first_column + i - r * 4u;
    if (r < row_count) { epilogue(first_row + r, column, partial[(i * 1u + 0u) * 64u]); }
  }
}


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
var<workgroup> left_block: array<vec4<f32>, 320>;
var<workgroup> right0_block: array<vec4<f32>, 320>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3<u32>,
  @builtin(num_workgroups) num_workgroups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let workgroup = workgroup_id.x + workgroup_id.y * num_workgroups.x;
  if (workgroup >= (smoe_ceil_divide(dim_T(), 64u))) { return; }
  let column_tile = workgroup / (smoe_ceil_divide(dim_T(), 64u));
  let row_tile = workgroup - column_tile * (smoe_ceil_divide(dim_T(), 64u));
  let expert = 0u;
  let first_row = row_tile * 64u;
  let row_count = min(64u, dim_T() - first_row);
  let first_column = column_tile * 64u;
  let x = thread % 16u;
  let y = thread / 16u;
  let left_0_index = (thread + 0u) / 4u;
  let left_0_k = (thread + 0u) % 4u;
  let left_0_start = left_start(first_row + min(left_0_index, row_count - 1u)) + left_0_k;
  let right0_0_index = (thread + 0u) / 4u;
  let right0_0_k = (thread + 0u) % 4u;
  let right0_0_start = right0_start(expert, min(first_column + right0_0_index, 4u - 1u)) + right0_0_k;
  var s0_0_0 = 0.0;
  var s0_0_1 = 0.0;
  var s0_0_2 = 0.0;
  var s0_0_3 = 0.0;
  var s0_1_0 = 0.0;
  var s0_1_1 = 0.0;
  var s0_1_2 = 0.0;
  var s0_1_3 = 0.0;
  var s0_2_0 = 0.0;
  var s0_2_1 = 0.0;
  var s0_2_2 = 0.0;
  var s0_2_3 = 0.0;
  var s0_3_0 = 0.0;
  var s0_3_1 = 0.0;
  var s0_3_2 = 0.0;
  var s0_3_3 = 0.0;
  for (var k = 0u; k < 2u; k += 4u) {
    {
      var value = vec4<f32>();
      if (k + left_0_k < 2u) { value = load4_x(left_0_start + k); }
      left_block[left_0_index * 5u + left_0_k] = value;
    }
    {
      var value = vec4<f32>();
      if (k + right0_0_k < 2u) { value = load4_w(right0_0_start + k); }
      right0_block[right0_0_index * 5u + right0_0_k] = value;
    }
    workgroupBarrier();
    for (var j = 0u; j < 4u; j++) {
      let a0 = left_block[(y + 0u) * 5u + j];
      let a1 = left_block[(y + 16u) * 5u + j];
      let a2 = left_block[(y + 32u) * 5u + j];
      let a3 = left_block[(y + 48u) * 5u + j];
      let b0_0 = right0_block[(x + 0u) * 5u + j];
      s0_0_0 += dot(a0, b0_0);
      s0_1_0 += dot(a1, b0_0);
      s0_2_0 += dot(a2, b0_0);
      s0_3_0 += dot(a3, b0_0);
      let b0_1 = right0_block[(x + 16u) * 5u + j];
      s0_0_1 += dot(a0, b0_1);
      s0_1_1 += dot(a1, b0_1);
      s0_2_1 += dot(a2, b0_1);
      s0_3_1 += dot(a3, b0_1);
      let b0_2 = right0_block[(x + 32u) * 5u + j];
      s0_0_2 += dot(a0, b0_2);
      s0_1_2 += dot(a1, b0_2);
      s0_2_2 += dot(a2, b0_2);
      s0_3_2 += dot(a3, b0_2);
      let b0_3 = right0_block[(x + 48u) * 5u + j];
      s0_0_3 += dot(a0, b0_3);
      s0_1_3 += dot(a1, b0_3);
      s0_2_3 += dot(a2, b0_3);
      s0_3_3 += dot(a3, b0_3);
    }
    workgroupBarrier();
  }
  if (y + 0u < row_count) {
    let row = first_row + (y + 0u);
    if (first_column + x + 0u < 4u) { epilogue(row, first_column + x + 0u, s0_0_0); }
    if (first_column + x + 16u < 4u) { epilogue(row, first_column + x + 16u, s0_0_1); }
    if (first_column + x + 32u < 4u) { epilogue(row, first_column + x + 32u, s0_0_2); }
    if (first_column + x + 48u < 4u) { epilogue(row, first_column + x + 48u, s0_0_3); }
  }
  if (y + 16u < row_count) {
    let row = first_row + (y + 16u);
    if (first_column + x + 0u < 4u) { epilogue(row, first_column + x + 0u, s0_1_0); }
    if (first_column + x + 16u < 4u) { epilogue(row, first_column + x + 16u, s0_1_1); }
    if (first_column + x + 32u < 4u) { epilogue(row, first_column + x + 32u, s0_1_2); }
    if (first_column + x + 48u < 4u) { epilogue(row, first_column + x + 48u, s0_1_3); }
  }
  if (y + 32u < row_count) {
    let row = first_row + (y + 32u);
    if (first_column + x + 0u < 4u) { epilogue(row, first_column + x + 0u, s0_2_0); }
    if (first_column + x + 16u < 4u) { epilogue(row, first_column + x + 16u, s0_2_1); }
    if (first_column + x + 32u < 4u) { epilogue(row, first_column + x + 32u, s0_2_2); }
    if (first_column + x + 48u < 4u) { epilogue(row, first_column + x + 48u, s0_2_3); }
  }
  if (y + 48u < row_count) {
    let row = first_row + (y + 48u);
    if (first_column + x + 0u < 4u) { epilogue(row, first_column + x + 0u, s0_3_0); }
    if (first_column + x + 16u < 4u) { epilogue(row, first_column + x + 16u, s0_3_1); }
    if (first_column + x + 32u < 4u) { epilogue(row, first_column + x + 32u, s0_3_2); }
    if (first_column + x + 48u < 4u) { epilogue(row, first_column + x + 48u, s0_3_3); }
  }
}

