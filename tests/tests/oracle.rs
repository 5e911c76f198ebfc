//! State is a function of the log: rebuilt twice, and by builds without and with optimisation, it has the same hash.
//!
//! The release build takes minutes and is made where `RELEASE_ORACLE` is set.

use livestore_tests::rng::Rng;
use livestore_tests::scratch::Scratch;
use std::path::Path;
use std::process::Command;

fn said(program: &Path, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().expect("it starts");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The same program with optimisation.
fn release(debug: &Path) -> std::path::PathBuf {
    let target = debug.parent().and_then(Path::parent).expect("programs are built in a folder of the target folder");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "-p", "livestore-tests", "--bin", "oracle", "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.expect("cargo runs").success());
    target.join("release").join(debug.file_name().expect("it has a name"))
}

/// What was and was not looked at is part of the test's output.
#[allow(clippy::print_stdout)]
fn report(line: &str) {
    println!("{line}");
}

#[test]
fn rebuilds_and_builds_agree_about_state() {
    let debug = Path::new(env!("CARGO_BIN_EXE_oracle"));
    let seed = Rng::seed();
    let scratch = Scratch::new("oracle");
    let directory = scratch.path().to_str().expect("the path is text");
    said(debug, &["build", directory, &seed.to_string()]);
    let first = said(debug, &["hash", directory]);
    assert_eq!(first, said(debug, &["hash", directory]), "SEED={seed} rebuilt twice");
    assert!(first.ends_with(" 10"), "SEED={seed} every kind of event is in the log: {first}");
    if std::env::var_os("RELEASE_ORACLE").is_none() {
        return report(&format!(
            "SEED={seed} {first}; SKIPPED: the release build was NOT compared, set RELEASE_ORACLE=1 for that"
        ));
    }
    let optimised = said(&release(debug), &["hash", directory]);
    assert_eq!(first, optimised, "SEED={seed} a debug and a release build");
    report(&format!("SEED={seed} debug and release agree: {first}"));
}
