#!/usr/bin/env bash
# Makes wasm32-unknown-unknown usable on Debian: its own rustc-web and rust-web-src, with std built once into a sysroot.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends rustc-web cargo-web rust-web-src lld-22 clang-22 llvm-22 >/dev/null
lib=/usr/lib/rustlib/wasm32-unknown-unknown/lib
if ! ls "$lib"/libstd-*.rlib >/dev/null 2>&1; then
  w=$(mktemp -d); mkdir "$w/src"; : > "$w/src/lib.rs"
  printf '[package]\nname="sysroot-build"\nversion="0.0.0"\nedition="2021"\n[profile.release]\ndebug=false\n' > "$w/Cargo.toml"
  (cd "$w" && RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo build -q --release --target wasm32-unknown-unknown -Zbuild-std=std,panic_abort,test)
  mkdir -p "$lib"
  for f in "$w"/target/wasm32-unknown-unknown/release/deps/*.rlib; do case $f in *sysroot_build*) ;; *) cp "$f" "$lib/";; esac; done
  rm -rf "$w"
fi
