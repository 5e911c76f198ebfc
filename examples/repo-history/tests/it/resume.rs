//! An import that is ended in the middle. A `git` that stops after some bytes of the log makes the middle the same each time.
#![cfg(unix)]

use crate::fixture::{Fixture, linear_history};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

/// Starts an import whose git writes this many bytes of the log and then hangs.
fn import_that_hangs(it: &Fixture, bytes: usize) -> Child {
    let (bin, gate) = (it.root.path().join("bin"), it.root.path().join("gate"));
    std::fs::create_dir_all(&bin).unwrap();
    let _ = std::fs::remove_file(&gate);
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let path = std::env::var("PATH").unwrap();
    let script = format!(
        "#!/bin/sh\nPATH='{path}'\ncase \"$*\" in\n\
         *--numstat*) git \"$@\" 2>/dev/null | head -c {bytes}; read line < '{}' ;;\n*) exec git \"$@\" ;;\nesac\n",
        gate.display()
    );
    std::fs::write(bin.join("git"), script).unwrap();
    std::fs::set_permissions(bin.join("git"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = it.program();
    command.env("PATH", format!("{}:{path}", bin.display())).arg("import").arg(it.repo());
    command.stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for the first line of progress.
fn wait_for_progress(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

/// Lets the hanging script end, where it still waits.
fn open_gate(it: &Fixture) {
    let gate = std::fs::OpenOptions::new().read(true).write(true).open(it.root.path().join("gate"));
    std::io::Write::write_all(&mut gate.unwrap(), b"\n").unwrap();
}

#[test]
fn an_import_that_was_killed_goes_on_where_it_was() {
    let it = Fixture::new();
    it.fast_import(&linear_history(5_000));
    let mut child = import_that_hangs(&it, 300_000);
    assert!(wait_for_progress(&mut child).contains("of 5000 commits"));
    child.kill().unwrap();
    child.wait().unwrap();
    open_gate(&it);
    let middle = it.top().commits;
    assert!(middle > 0 && middle < 5_000, "{middle}");
    let said = it.import();
    assert!(said.contains(&format!("read {} commits", 5_000 - middle)) && said.contains("5000 in all"), "{said}");
    it.check_against_git();
    assert!(it.import().contains("no new commits"));
}

#[test]
fn an_interrupted_import_ends_well_and_says_how_to_go_on() {
    let it = Fixture::new();
    it.fast_import(&linear_history(2_000));
    let mut child = import_that_hangs(&it, 200_000);
    let first = wait_for_progress(&mut child);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    open_gate(&it);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{first}{stderr}");
    let last = stderr.lines().last().unwrap();
    assert!(last.starts_with("stopped at ") && last.ends_with("run the same import again to go on"), "{stderr}");
    it.import();
    it.check_against_git();
}

#[test]
fn a_commit_that_was_half_read_counts_once_and_whole() {
    let it = Fixture::new();
    let who = "Ann <a@x> 0 +0000";
    let mut stream = format!(
        "blob\nmark :1\ndata 2\nx\n\ncommit refs/heads/main\nauthor {who}\ncommitter {who}\ndata 3\none\nM 100644 :1 a\n\n"
    );
    stream += &format!("commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata 3\nbig\n");
    for number in 0..12_000 {
        stream += &format!("M 100644 :1 some/folder/with/a/long/name/{number:05}.txt\n");
    }
    it.fast_import(stream.as_bytes());
    let mut child = import_that_hangs(&it, 600_000);
    assert!(wait_for_progress(&mut child).contains("1 of 2 commits"));
    child.kill().unwrap();
    child.wait().unwrap();
    open_gate(&it);
    let top = it.top();
    assert_eq!((top.commits, top.files), (1, vec![(1, "a".into())]), "a half commit does not count");
    it.import();
    it.check_against_git();
}
