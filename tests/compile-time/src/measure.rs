use crate::Error;
use crate::generate::Style;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How the generated crates are compiled: `rustc` itself, against what Cargo has checked already.
pub(crate) struct Compiler {
    deps: PathBuf,
    livestore: PathBuf,
    serde: PathBuf,
}

impl Compiler {
    /// Has Cargo check this package's dependencies, and takes down where it put them.
    pub(crate) fn find() -> Result<Self, Error> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["check", "--quiet", "--message-format=json", "-p", env!("CARGO_PKG_NAME")])
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        let lines = String::from_utf8(output.stdout)?;
        let livestore = artifact(&lines, "livestore")?;
        let deps = livestore.parent().ok_or("an artifact lies in a folder")?.to_owned();
        Ok(Self { deps, serde: artifact(&lines, "serde")?, livestore })
    }

    /// The user CPU seconds that checking the text takes.
    pub(crate) fn check(&self, style: Style, text: &str) -> Result<f64, Error> {
        let dir = self.deps.join("../../compile-time");
        std::fs::create_dir_all(&dir)?;
        let source = dir.join(format!("{}.rs", style.crate_name()));
        std::fs::write(&source, text)?;
        let before = children_seconds()?;
        let status = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
            .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "-Awarnings", "--out-dir"])
            .arg(&dir)
            .arg(format!("-Ldependency={}", self.deps.display()))
            .arg(format!("--extern=livestore={}", self.livestore.display()))
            .arg(format!("--extern=serde={}", self.serde.display()))
            .arg(&source)
            .status()?;
        if !status.success() {
            return Err(format!("`{}` does not compile", source.display()).into());
        }
        Ok(children_seconds()? - before)
    }
}

fn artifact(lines: &str, name: &str) -> Result<PathBuf, Error> {
    let artifacts = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut files = artifacts
        .filter(|artifact| artifact["reason"] == "compiler-artifact" && artifact["target"]["name"] == name)
        .filter_map(|artifact| artifact["filenames"].as_array().cloned())
        .flatten()
        .filter_map(|file| file.as_str().map(PathBuf::from));
    files
        .find(|file| file.extension().is_some_and(|extension| extension == "rmeta"))
        .ok_or_else(|| format!("cargo names no metadata of `{name}`").into())
}

/// The user CPU time of children that ended, from Linux's process table; it counts in hundredths of a second.
fn children_seconds() -> Result<f64, Error> {
    let stat = std::fs::read_to_string(Path::new("/proc/self/stat")).map_err(|_| "this measures on Linux only")?;
    // The second field is a name in parentheses, which may hold spaces; `cutime` is the 16th.
    let after_name = stat.rsplit_once(')').ok_or("the process table has another form")?.1;
    let ticks: f64 = after_name.split_whitespace().nth(13).ok_or("the process table has too few fields")?.parse()?;
    Ok(ticks / 100.0)
}

pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
