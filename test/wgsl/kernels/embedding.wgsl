// take
@group(0) @binding(0) var<uniform> dims: array<vec4<u32>, 1>;
fn dim_T() -> u32 { return dims[0].x; }
fn smoe_ceil_divide(a: u32, b: u32) -> u32 { return (a + b - 1u) / b; }
@group(0) @binding(1) var<storage, read> buffer_ids: array<i32>;
@group(0) @binding(2) var<storage, read> buffer_table: array<f32>;
@group(0) @binding(3) var<storage, read_write> buffer_y: array<f32>;
fn load_ids(i: u32) -> i32 {
  return buffer_ids[i];
}
fn load_table(i: u32) -> f32 {
  return buffer_table[i];
}
fn store_y(i: u32, value: f32) {
  buffer_y[i] = value; return;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3<u32>,
  @builtin(num_workgroups) num_workgroups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let workgroup = workgroup_id.x + workgroup_id.y * num_workgroups.x;
  if (workgroup >= (smoe_ceil_divide((8u * dim_T()), 64u))) { return; }
  let element = ((workgroup * 64u) + thread);
  if ((element < (8u * dim_T()))) {
    store_y(element, load_table(((u32(load_ids((element / 8u))) * 8u) + (element % 8u))));
  }
}
