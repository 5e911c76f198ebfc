//! A figure that is taken in a process of its own, so that memory and first uses are counted as an application has them.

use crate::{cpu_of, process_cpu, resident_bytes};
use std::path::Path;
use std::process::Command;

/// Runs this program again to do the one thing; gives back the seconds it took and notes the memory.
///
/// # Panics
/// The process failed.
pub fn child(what: &str, folder: &Path, memory: &mut Vec<f64>) -> f64 {
    let program = std::env::current_exe().expect("the program knows where it is");
    let output = Command::new(program).env(what, folder).output().expect("it starts once more");
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let [seconds, bytes] = numbers[..] else { panic!("the other process failed: {output:?}") };
    assert!(output.status.success(), "the other process failed: {output:?}");
    memory.push(bytes);
    seconds
}

/// The other side of [`child`].
#[allow(clippy::print_stdout)] // the parent process reads it
pub fn tell<T>(work: impl FnOnce() -> T) {
    let mut kept = None;
    let seconds = cpu_of(process_cpu, || kept = Some(work()));
    println!("{seconds} {}", resident_bytes().unwrap_or(0));
    drop(kept);
}
