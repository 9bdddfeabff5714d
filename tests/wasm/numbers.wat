;; SPDX-License-Identifier: Apache-2.0
;; Every number type in and out.
(module
  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  (func (export "mul64") (param i64 i64) (result i64)
    (i64.mul (local.get 0) (local.get 1)))
  (func (export "half32") (param f32) (result f32)
    (f32.mul (local.get 0) (f32.const 0.5)))
  (func (export "sqrt64") (param f64) (result f64)
    (f64.sqrt (local.get 0)))
  (func (export "same32") (param f32) (result f32)
    (local.get 0))
  (func (export "same64") (param f64) (result f64)
    (local.get 0))
  (func (export "mixed") (param i32 i64 f32 f64) (result f64)
    (f64.add
      (f64.add (f64.convert_i32_s (local.get 0)) (f64.convert_i64_s (local.get 1)))
      (f64.add (f64.promote_f32 (local.get 2)) (local.get 3))))
  (func $fib (export "fib") (param i32) (result i64)
    (if (result i64) (i32.lt_u (local.get 0) (i32.const 2))
      (then (i64.extend_i32_u (local.get 0)))
      (else (i64.add
        (call $fib (i32.sub (local.get 0) (i32.const 1)))
        (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "nothing"))
  (func (export "32 parameters")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (i32.sub (local.get 31) (local.get 0)))
  ;; What the host cannot call is left out.
  (func (export "two results") (result i32 i32) (i32.const 1) (i32.const 2))
  (func (export "vector") (param v128))
  (func (export "33 parameters")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32))
  (global (export "answer") i32 (i32.const 42))
  ;; Names are bytes.
  (func (export "a \"quoted\" \\ %s {name} \c3\a9") (result i32) (i32.const 7)))
