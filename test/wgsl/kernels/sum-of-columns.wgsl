// sum
@group(0) @binding(0) var<uniform> dims: array<vec4<u32>, 1>;
fn dim_T() -> u32 { return dims[0].x; }
@group(0) @binding(1) var<storage, read> buffer_x: array<f32>;
@group(0) @binding(2) var<storage, read_write> buffer_y: array<f32>;
fn load_x(i: u32) -> f32 {
  return buffer_x[i];
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
  if (workgroup >= 1u) { return; }
  let element = ((workgroup * 64u) + thread);
  if ((element < 8u)) {
    var total0 = 0.0f;
    for (var r0 = 0u; r0 < dim_T(); r0++) {
      total0 = total0 + load_x(((r0 * 8u) + element));
    }
    store_y(element, total0);
  }
}
