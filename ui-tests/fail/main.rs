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

/// Messages speak of the user's code and of the public interface.
#[test]
fn no_message_shows_what_is_private() {
    let folders = std::fs::read_dir("fail").expect("the cases lie beside this file").flatten();
    let files = folders.filter_map(|folder| std::fs::read_dir(folder.path()).ok()).flatten().flatten();
    let mut count = 0;
    for file in files.filter(|file| file.path().extension().is_some_and(|extension| extension == "stderr")) {
        let text = std::fs::read_to_string(file.path()).expect("a recorded message is readable");
        // rustc names serde's derives as generated code does.
        let text = text.replace("livestore::__private::serde", "serde");
        for word in ["__private", "support.rs", "livestore-macros", "proc macro panicked"] {
            assert!(!text.contains(word), "`{word}` in {}", file.path().display());
        }
        count += 1;
    }
    assert!(count >= 50, "{count} cases");
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
