//! Each file in a folder beside this one makes one mistake; its `.stderr` is what the compiler says about it.
//!
//! The messages are recorded with one toolchain, since other versions word and underline differently. With another one the
//! test says loudly that it checked nothing. To record: `TRYBUILD=overwrite cargo test -p livestore-ui-tests --test fail`.

use std::io::Write;
use std::process::Command;

/// The toolchain whose words are recorded.
const RECORDED: &str = "rustc 1.95.";

#[test]
fn every_mistake_is_told_in_the_recorded_words() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().expect("rustc prints its version");
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !version.starts_with(RECORDED) {
        skip(&version);
        return;
    }
    trybuild::TestCases::new().compile_fail("fail/*/*.rs");
}

fn skip(version: &str) {
    let ci = if std::env::var_os("CI").is_some() { " IN CI" } else { "" };
    let message = format!(
        "\n=== SKIPPED{ci}: ui-tests/fail checked NOTHING ===\nits messages are recorded with `{RECORDED}x`, and this is \
         `{version}`; run it with the recorded toolchain\n\n"
    );
    // Not `eprintln!`, which the test harness swallows when a test passes.
    std::io::stderr().write_all(message.as_bytes()).expect("stderr can be written to");
}
