// SPDX-License-Identifier: Apache-2.0
//! Compiles shim.c, which declares exports and imports with the macros of mote_guest.h, and links it
//! with libmote_guest. Where these are comes from pkg-config: mote-guest-musl for the target
//! x86_64-unknown-linux-musl, else mote-guest.

use std::env;
use std::path::Path;
use std::process::Command;

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn main() {
    let musl = env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("musl");
    let package = if musl { "mote-guest-musl" } else { "mote-guest" };
    let compiler = if musl { "musl-gcc" } else { "gcc" };
    let flags = run(Command::new("pkg-config").args(["--cflags", "--libs", package]));
    let (includes, libraries): (Vec<&str>, Vec<&str>) =
        flags.split_whitespace().partition(|flag| flag.starts_with("-I"));

    let out = env::var("OUT_DIR").expect("cargo sets it");
    let object = Path::new(&out).join("shim.o");
    let archive = Path::new(&out).join("libshim.a");
    run(Command::new(compiler)
        .args(["-std=c11", "-O2", "-fPIC", "-Wall", "-Wextra", "-c", "shim.c", "-o"])
        .arg(&object)
        .args(includes));
    run(Command::new("ar").arg("rcsD").arg(&archive).arg(&object));

    println!("cargo:rustc-link-search=native={out}");
    for library in libraries {
        if let Some(folder) = library.strip_prefix("-L") {
            println!("cargo:rustc-link-search=native={folder}");
        }
    }
    // Nothing refers to the exports: they are found by their notes.
    println!("cargo:rustc-link-lib=static:+whole-archive=shim");
    println!("cargo:rustc-link-lib=static=mote_guest");
    println!("cargo:rerun-if-changed=shim.c");
    println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
}
