// SPDX-License-Identifier: Apache-2.0
//! A guest in Rust, with its whole standard library: shim.c tells the host about these functions.

// Rust's own start-up ends a process whose standard streams are closed, and while a guest boots
// they are: so the C library calls `main`, below, directly.
#![no_main]

mod mote;

use mote::MoteString;
use std::collections::BTreeMap;

extern "C" {
    fn shim_price(result: *mut u32, item: MoteString) -> i32;
}

/// What so many of an item cost, by a price that the host knows.
#[no_mangle]
pub extern "C" fn total(item: MoteString, count: u32) -> u32 {
    let mut each = 0;
    // SAFETY: the result lives as long as the call.
    if unsafe { shim_price(&mut each, item) } != 0 {
        mote::fail(1, "no such item");
        return 0;
    }
    each.checked_mul(count).expect("nobody can pay that")
}

/// "a 2, b 1", in the order of the words.
#[no_mangle]
pub extern "C" fn count_words(text: MoteString) -> MoteString {
    let text = String::from_utf8_lossy(text.bytes()).into_owned();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word).or_default() += 1;
    }
    let all: Vec<String> = counts.iter().map(|(word, count)| format!("{word} {count}")).collect();
    MoteString::leak(all.join(", "))
}

/// Panics when b is 0: the call fails, with the text.
#[no_mangle]
pub extern "C" fn divide(a: u64, b: u64) -> u64 {
    a / b
}

#[no_mangle]
pub extern "C" fn main() -> i32 {
    mote::serve();
    eprintln!("this program is a guest of mote: start it with `mote run`");
    1
}
