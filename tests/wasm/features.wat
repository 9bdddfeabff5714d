;; SPDX-License-Identifier: Apache-2.0
;; Vectors, exceptions, tail calls, a start function, a mutable global.
(module
  (memory 1)
  (tag $error (param i32))
  (global $count (mut i32) (i32.const 40))
  (start $begin)
  (func $begin
    (global.set $count (i32.add (global.get $count) (i32.const 2)))
    (i32.store (i32.const 0) (i32.const 1234)))
  (func (export "count") (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (global.get $count))
  (func (export "stored") (result i32) (i32.load (i32.const 0)))
  (func (export "sum4") (param i32) (result i32) (local $v v128)
    (local.set $v (i32x4.mul (i32x4.splat (local.get 0)) (v128.const i32x4 1 2 3 4)))
    (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $v)) (i32x4.extract_lane 1 (local.get $v)))
      (i32.add (i32x4.extract_lane 2 (local.get $v)) (i32x4.extract_lane 3 (local.get $v)))))
  (func $throw (param i32) (throw $error (local.get 0)))
  (func (export "catch") (param i32) (result i32)
    (block $caught (result i32)
      (try_table (catch $error $caught) (call $throw (local.get 0)))
      (i32.const -1)))
  (func (export "throw") (param i32) (call $throw (local.get 0)))
  ;; A million calls deep, were they not tail calls.
  (func $even (export "even") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0))
      (then (i32.const 1))
      (else (return_call $odd (i32.sub (local.get 0) (i32.const 1))))))
  (func $odd (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0))
      (then (i32.const 0))
      (else (return_call $even (i32.sub (local.get 0) (i32.const 1)))))))
