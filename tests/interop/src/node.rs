//! Node, and the packages from npm, installed once below the build directory.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The files of the Node project.
const FILES: [(&str, &str); 5] = [
    ("package.json", include_str!("../node/package.json")),
    ("package-lock.json", include_str!("../node/package-lock.json")),
    (".npmrc", include_str!("../node/.npmrc")),
    ("client.mjs", include_str!("../node/client.mjs")),
    ("schema.mjs", include_str!("../node/schema.mjs")),
];

/// The first Node that has what the packages use.
const NODE_MIN: u32 = 18;

/// Where the installed project is. Where Node is missing, says so and gives `None`; with `CI` set that is a failure.
pub(crate) fn project() -> Option<&'static Path> {
    static PROJECT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let project = PROJECT.get_or_init(|| match missing() {
        None => Some(install(&build_dir().join("tmp").join("interop"))),
        Some(missing) => {
            assert!(std::env::var_os("CI").is_none(), "{missing}: install Debian's packages `nodejs` and `npm`");
            let mut stderr = std::io::stderr().lock();
            writeln!(stderr, "SKIPPED: {missing}; install Debian's packages `nodejs` and `npm` to run this test")
                .expect("standard error takes it");
            None
        }
    });
    project.as_deref()
}

/// What is missing.
fn missing() -> Option<String> {
    let version = |program: &str| {
        let output = Command::new(program).arg("--version").output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    };
    let Some(node) = version("node") else { return Some("no `node` here".into()) };
    let major = node.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE_MIN) {
        return Some(format!("`node` is {}, too old", node.trim()));
    }
    version("npm").is_none().then(|| "no `npm` here".into())
}

/// The build directory's profile, such as `target/debug`: test programs are in its `deps`.
fn build_dir() -> PathBuf {
    let program = std::env::current_exe().expect("a program knows where it is");
    let deps = program.parent().expect("it is in a directory");
    deps.parent().expect("that is in another").to_owned()
}

/// Puts the project's files there, and its packages where they are not there yet. One process at a time does it.
fn install(dir: &Path) -> PathBuf {
    std::fs::create_dir_all(dir).expect("the build directory takes a directory");
    let lock = File::create(dir.join("lock")).expect("the directory takes a file");
    lock.lock().expect("the file can be locked");
    for (name, text) in FILES {
        // Not written again in vain: another process may be reading it.
        if std::fs::read_to_string(dir.join(name)).is_ok_and(|there| there == text) {
            continue;
        }
        std::fs::write(dir.join(name), text).expect("the directory takes a file");
    }
    let stamp = dir.join("installed");
    let wanted = FILES[1].1;
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return dir.to_owned();
    }
    let output = Command::new("npm").args(["ci", "--ignore-scripts"]).current_dir(dir).output().expect("npm starts");
    assert!(
        output.status.success(),
        "`npm ci` in {} failed:\n{}{}",
        dir.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::write(&stamp, wanted).expect("the directory takes a file");
    dir.to_owned()
}
