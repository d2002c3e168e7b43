// sort_by_expert
@group(0) @binding(0) var<uniform> dims: array<vec4<u32>, 1>;
fn dim_T() -> u32 { return dims[0].x; }
fn smoe_floor_divide(a: u32, b: u32) -> u32 { return a / b; }
fn smoe_ceil_divide(a: u32, b: u32) -> u32 { return (a + b - 1u) / b; }
@group(0) @binding(1) var<storage, read> buffer_chosen: array<i32>;
@group(0) @binding(2) var<storage, read> buffer_counts: array<i32>;
@group(0) @binding(3) var<storage, read_write> buffer_order: array<i32>;
fn load_chosen(i: u32) -> i32 {
  return buffer_chosen[i];
}
fn load_counts(i: u32) -> i32 {
  return buffer_counts[i];
}
fn store_order(i: u32, value: i32) {
  buffer_order[i] = value; return;
}
var<workgroup> totals: array<u32, 4>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3<u32>,
  @builtin(num_workgroups) num_workgroups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let workgroup = workgroup_id.x + workgroup_id.y * num_workgroups.x;
  if (workgroup >= (smoe_floor_divide(dim_T(), 8u) + 1u)) { return; }
  for (var expert = thread; expert < 4u; expert += 64u) {
    var total0 = 0u;
    for (var b = 0u; b < (smoe_ceil_divide(dim_T(), 8u)); b++) {
      total0 = total0 + u32(load_counts(((b * 4u) + expert)));
    }
    totals[expert] = total0;
  }
  workgroupBarrier();
  for (var expert = thread; expert < 4u; expert += 64u) {
    var total1 = 0u;
    for (var l = 0u; l < expert; l++) {
      total1 = total1 + totals[l];
    }
    var total2 = 0u;
    for (var b = 0u; b < workgroup; b++) {
      total2 = total2 + u32(load_counts(((b * 4u) + expert)));
    }
    var place = (total1 + total2);
    let v3 = (workgroup * 16u);
    for (var row = v3; row < min((2u * dim_T()), (v3 + 16u)); row++) {
      if ((u32(load_chosen(row)) == expert)) {
        store_order(place, i32(row));
        place = (place + 1u);
      }
    }
  }
  if ((workgroup == 0u)) {
    for (var expert = thread; expert < 4u; expert += 64u) {
      var total4 = 0u;
      for (var l = 0u; l < expert; l++) {
        total4 = total4 + ((totals[l] + 63u) / 64u);
      }
      let first_tile = total4;
      var total5 = 0u;
      for (var l = 0u; l < expert; l++) {
        total5 = total5 + totals[l];
      }
      let first_row = total5;
      for (var t = 0u; t < ((totals[expert] + 63u) / 64u); t++) {
        let v6 = ((2u * dim_T()) + ((first_tile + t) * 2u));
        store_order(v6, i32(expert));
        store_order((v6 + 1u), i32((first_row + (t * 64u))));
      }
    }
    var total7 = 0u;
    for (var l = 0u; l < 4u; l++) {
      total7 = total7 + ((totals[l] + 63u) / 64u);
    }
    let used = total7;
    var total8 = 0u;
    for (var l = 0u; l < 4u; l++) {
      total8 = total8 + totals[l];
    }
    let ordered = total8;
    for (var t = (used + thread); t < (smoe_ceil_divide((2u * dim_T()), 64u) + 4u); t += 64u) {
      let v9 = ((2u * dim_T()) + (t * 2u));
      store_order(v9, (-1i));
      store_order((v9 + 1u), i32(ordered));
    }
  }
}
