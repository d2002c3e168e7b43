// contract, max, subtract, exp, sum x2, divide x2, top_k, pick
@group(0) @binding(0) var<uniform> dims: array<vec4<u32>, 1>;
fn dim_T() -> u32 { return dims[0].x; }
@group(0) @binding(1) var<storage, read> buffer_x: array<f32>;
@group(0) @binding(2) var<storage, read> buffer_gate: array<f32>;
@group(0) @binding(3) var<storage, read_write> buffer_chosen: array<i32>;
@group(0) @binding(4) var<storage, read_write> buffer_y: array<f32>;
fn load_x(i: u32) -> f32 {
  return buffer_x[i];
}
fn load_gate(i: u32) -> f32 {
  return buffer_gate[i];
}
fn store_chosen(i: u32, value: i32) {
  buffer_chosen[i] = value; return;
}
fn store_y(i: u32, value: f32) {
  buffer_y[i] = value; return;
}
var<workgroup> scores0: array<f32, 4>;
var<workgroup> partial1: array<f32, 64>;
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

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3<u32>,
  @builtin(num_workgroups) num_workgroups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let workgroup = workgroup_id.x + workgroup_id.y * num_workgroups.x;
  if (workgroup >= dim_T()) { return; }
  for (var p2 = thread; p2 < 64u; p2 += 64u) {
    let v0 = dim_T();
    if (((workgroup + (p2 / 64u)) < v0)) {
      var total1 = 0.0f;
      for (var r0 = 0u; r0 < 1u; r0++) {
        let v2 = (p2 / 64u);
        let v3 = (workgroup + v2);
        let v4 = ((r0 * 16u) + (p2 % 16u));
        total1 = total1 + select(0.0f, (load_x(((v3 * 8u) + v4)) * load_gate(((((p2 / 16u) % 4u) * 8u) + v4))), (v4 < 8u));
      }
      partial1[p2] = total1;
    }
  }
  workgroupBarrier();
  for (var p2 = thread; p2 < 4u; p2 += 64u) {
    var total5 = 0.0f;
    for (var r1 = 0u; r1 < 16u; r1++) {
      total5 = total5 + partial1[((p2 * 16u) + r1)];
    }
    scores0[p2] = total5;
  }
  workgroupBarrier();
  let row = (workgroup + thread);
  if (((thread < 1u) && (row < dim_T()))) {
    var max3 = smoe_real(0xff800000u);
    for (var i4 = 0u; i4 < 4u; i4++) {
      max3 = smoe_maximum(max3, scores0[((thread * 4u) + i4)]);
    }
    var row_values5: array<f32, 4>;
    for (var i6 = 0u; i6 < 4u; i6++) {
      row_values5[i6] = smoe_exp((scores0[((thread * 4u) + i6)] - max3));
    }
    var sum7 = 0.0f;
    for (var i8 = 0u; i8 < 4u; i8++) {
      sum7 = (sum7 + row_values5[i8]);
    }
    var row_values9: array<f32, 4>;
    for (var i10 = 0u; i10 < 4u; i10++) {
      row_values9[i10] = (row_values5[i10] / sum7);
    }
    var taken11: array<u32, 4>;
    var chosen12: array<i32, 2>;
    for (var round13 = 0u; round13 < 2u; round13++) {
      var best15 = 0.0f;
      var best_at16 = 0u;
      var found17 = false;
      for (var i14 = 0u; i14 < 4u; i14++) {
        let best15_next = row_values9[i14];
        if (((taken11[i14] == 0u) && ((!found17) || ((best15 < best15_next) || ((!(best15 == best15)) && (best15_next == best15_next)))))) {
          best15 = best15_next;
          best_at16 = i14;
          found17 = true;
        }
      }
      taken11[best_at16] = 1u;
      chosen12[round13] = i32(best_at16);
    }
    var sum18 = 0.0f;
    for (var i19 = 0u; i19 < 2u; i19++) {
      sum18 = (sum18 + row_values9[u32(chosen12[i19])]);
    }
    for (var i20 = 0u; i20 < 2u; i20++) {
      store_chosen(((row * 2u) + i20), chosen12[i20]);
    }
    for (var i21 = 0u; i21 < 2u; i21++) {
      store_y(((row * 2u) + i21), (row_values9[u32(chosen12[i21])] / sum18));
    }
  }
}

// contract, max, subtract, exp, sum x2, divide x2, top_k, pick, expert_histogram
@group(0) @binding(0) var<uniform> dims: array<vec4<u32>, 1>;
fn dim_T() -> u32 { return dims[0].x; }
fn smoe_ceil_divide(a: u32, b: u32) -> u32 { return (a + b - 1u) / b; }
@group(0) @binding(1) var<storage, read> buffer_x: array<f32>;
@group(0) @binding(2) var<storage, read> buffer_gate: array<f32>;
@group(0) @binding(3) var<storage, read_write> buffer_chosen: array<i32>;
@group(0) @binding(4) var<storage, read_write> buffer_y: array<f32>;
@group(0) @binding(5) var<storage, read_write> buffer_counts: array<i32>;
fn load_x(i: u32) -> f32 {
  return buffer_x[i];
}
fn load_gate(i: u32) -> f32 {
  return buffer_gate[i];
}
fn store_chosen(i: u32, value: i32) {
  buffer_chosen[i] = value; return;
}
fn store_y(i: u32, value: f32) {
  buffer_y[i] = value; return;
}
fn store_counts(i: u32, value: i32) {
  buffer_counts[i] = value; return;
}
var<workgroup> scores0: array<f32, 32>;
var<workgroup> partial1: array<f32, 64>;
var<workgroup> chosen_rows: array<i32, 16>;
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

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3<u32>,
  @builtin(num_workgroups) num_workgroups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let workgroup = workgroup_id.x + workgroup_id.y * num_workgroups.x;
  if (workgroup >= (smoe_ceil_divide(dim_T(), 8u))) { return; }
  for (var p2 = thread; p2 < 64u; p2 += 64u) {
    let v0 = (workgroup * 8u);
    let v1 = dim_T();
    if (((v0 + (p2 / 8u)) < v1)) {
      var total2 = 0.0f;
      for (var r0 = 0u; r0 < 4u; r0++) {
        let v3 = (p2 / 8u);
        let v4 = (v0 + v3);
        let v5 = ((r0 * 2u) + (p2 % 2u));
        total2 = total2 + select(0.0f, (load_x(((v4 * 8u) + v5)) * load_gate(((((p2 / 2u) % 4u) * 8u) + v5))), (v5 < 8u));
      }
      partial1[p2] = total2;
    }
  }
  workgroupBarrier();
  for (var p2 = thread; p2 < 32u; p2 += 64u) {
    var total6 = 0.0f;
    for (var r1 = 0u; r1 < 2u; r1++) {
      total6 = total6 + partial1[((p2 * 2u) + r1)];
    }
    scores0[p2] = total6;
  }
  workgroupBarrier();
  let row = ((workgroup * 8u) + thread);
  if (((thread < 8u) && (row < dim_T()))) {
    var max3 = smoe_real(0xff800000u);
    for (var i4 = 0u; i4 < 4u; i4++) {
      max3 = smoe_maximum(max3, scores0[((thread * 4u) + i4)]);
    }
    var row_values5: array<f32, 4>;
    for (var i6 = 0u; i6 < 4u; i6++) {
      row_values5[i6] = smoe_exp((scores0[((thread * 4u) + i6)] - max3));
    }
    var sum7 = 0.0f;
    for (var i8 = 0u; i8 < 4u; i8++) {
      sum7 = (sum7 + row_values5[i8]);
    }
    var row_values9: array<f32, 4>;
    for (var i10 = 0u; i10 < 4u; i10++) {
      row_values9[i10] = (row_values5[i10] / sum7);
    }
    var taken11: array<u32, 4>;
    var chosen12: array<i32, 2>;
    for (var round13 = 0u; round13 < 2u; round13++) {
      var best15 = 0.0f;
      var best_at16 = 0u;
      var found17 = false;
      for (var i14 = 0u; i14 < 4u; i14++) {
        let best15_next = row_values9[i14];
        if (((taken11[i14] == 0u) && ((!found17) || ((best15 < best15_next) || ((!(best15 == best15)) && (best15_next == best15_next)))))) {
          best15 = best15_next;
          best_at16 = i14;
          found17 = true;
        }
      }
      taken11[best_at16] = 1u;
      chosen12[round13] = i32(best_at16);
    }
    for (var j18 = 0u; j18 < 2u; j18++) {
      chosen_rows[((thread * 2u) + j18)] = chosen12[j18];
    }
    var sum19 = 0.0f;
    for (var i20 = 0u; i20 < 2u; i20++) {
      sum19 = (sum19 + row_values9[u32(chosen12[i20])]);
    }
    for (var i21 = 0u; i21 < 2u; i21++) {
      store_chosen(((row * 2u) + i21), chosen12[i21]);
    }
    for (var i22 = 0u; i22 < 2u; i22++) {
      store_y(((row * 2u) + i22), (row_values9[u32(chosen12[i22])] / sum19));
    }
  }
  workgroupBarrier();
  for (var expert = thread; expert < 4u; expert += 64u) {
    let v8 = dim_T();
    let v9 = (workgroup * 8u);
    var total7 = 0i;
    for (var r2 = 0u; r2 < (min(8u, (v8 - v9)) * 2u); r2++) {
      total7 = total7 + select(0i, 1i, (chosen_rows[r2] == i32(expert)));
    }
    store_counts(((workgroup * 4u) + expert), total7);
  }
}
