use crate::fixture::{Fixture, git, linear_history};

/// Renames, binary and deleted files, merges, odd names, a mailmap, a submodule.
fn varied() -> Fixture {
    let it = Fixture::new();
    it.write("src/a.rs", "one\ntwo\nthree\nfour\n");
    it.write("with \"quotes\" and\ttab.txt", "x\n");
    it.write("dir/ünïcode – 文件.txt", "x\n");
    it.commit("Ann Lee", "first: \"quotes\", tab\tand ünïcode 🎉");
    it.git(&["mv", "src/a.rs", "src/b.rs"]);
    it.write("image.bin", [0_u8, 1, 2, 255, 0]);
    it.commit("Jörg Müller", "rename, and a binary file");
    it.write("src/b.rs", "one\ntwo\n");
    it.write("image.bin", [0_u8, 9]);
    it.commit("Ann Lee", "change");
    it.git(&["checkout", "--quiet", "-b", "side", "HEAD~1"]);
    it.write("side.txt", "s\n");
    it.commit("O'Brien \\ \"Q\"", "on the side");
    it.git(&["checkout", "--quiet", "main"]);
    it.git(&["merge", "--quiet", "--no-ff", "-m", "merge side", "side"]);
    it.git(&["rm", "--quiet", "side.txt"]);
    it.commit("ann old", "remove");
    it.commit("Ann Lee", "nothing at all");
    it.write(".mailmap", "Ann Lee <a@example.com> ann old <a@example.com>\n");
    it.commit("Ann Lee", "mailmap");
    it
}

#[test]
fn counts_are_those_of_git() {
    let it = varied();
    assert!(it.import().contains("read 8 commits"));
    it.check_against_git();
    let top = it.top();
    assert_eq!(top.commits, 8);
    assert!(top.authors.contains(&(1, "Jörg Müller".into())), "{:?}", top.authors);
    assert!(!top.authors.iter().any(|author| author.1 == "ann old"), "the mailmap is used: {:?}", top.authors);
    assert!(top.files.contains(&(1, "with \"quotes\" and\ttab.txt".into())), "{:?}", top.files);
    assert!(top.files.contains(&(2, "src/b.rs".into())), "a rename counts for the new name: {:?}", top.files);
}

#[test]
fn a_second_import_adds_only_what_is_new() {
    let it = varied();
    it.import();
    let again = it.run(&["import", it.repo().to_str().unwrap()]);
    assert!(String::from_utf8(again.stdout).unwrap().contains("no new commits, 8 are known"));
    assert_eq!(String::from_utf8(again.stderr).unwrap(), "", "there is no progress to tell");
    it.check_against_git();
    it.write("new.txt", "x\n");
    it.commit("Zoe", "one more");
    assert!(it.import().contains("read 1 commits"));
    it.check_against_git();
}

#[test]
fn bytes_that_are_no_utf8_are_taken() {
    let it = Fixture::new();
    let stream = b"commit refs/heads/main\nauthor J\xf6rg <j@x> 0 +0000\ncommitter C <c@x> 0 +0000\ndata 4\ncaf\xe9\n\
        M 100644 inline caf\xe9\ndata 1\n1\nM 100644 inline caf\xea\ndata 1\n2\n";
    it.fast_import(stream);
    it.import();
    let top = it.top();
    assert_eq!(top.authors, [(1, "J\u{fffd}rg".into())]);
    assert_eq!(top.files, [(1, "caf\\xe9".into()), (1, "caf\\xea".into())]);
    assert!(it.said(&["search", "caf"]).contains("caf\u{fffd}"));
}

#[test]
fn settings_of_the_user_change_nothing() {
    let it = varied();
    for (name, value) in [
        ("color.ui", "always"),
        ("log.showSignature", "true"),
        ("log.decorate", "full"),
        ("log.date", "relative"),
        ("diff.renames", "false"),
        ("diff.external", "false"),
        ("diff.orderFile", "missing"),
        ("format.pretty", "oneline"),
        ("i18n.logOutputEncoding", "latin1"),
        ("core.quotePath", "true"),
        ("log.follow", "true"),
    ] {
        it.git(&["config", name, value]);
    }
    it.import();
    let top = it.top();
    for name in ["color.ui", "diff.renames", "diff.external", "diff.orderFile", "i18n.logOutputEncoding", "log.follow"]
    {
        it.git(&["config", "--unset", name]);
    }
    assert_eq!(top, it.top_by_git());
}

#[test]
fn bare_shallow_and_linked_repositories_are_read() {
    let it = varied();
    let root = it.root.path();
    let top = it.top_by_git();
    let source = format!("file://{}", it.repo().display());
    it.git(&["clone", "--quiet", "--bare", &source, root.join("bare").to_str().unwrap()]);
    it.said(&["--store", "bare", "import", root.join("bare").to_str().unwrap()]);
    assert!(it.said(&["--store", "bare", "top"]).contains("8 commits by 3 authors"));

    it.git(&["worktree", "add", "--quiet", root.join("tree").to_str().unwrap(), "HEAD"]);
    it.said(&["import", root.join("tree").to_str().unwrap()]);
    assert_eq!(it.top(), top);
    assert!(it.import().contains("no new commits"), "a worktree is the same repository");
    assert!(it.said(&["import", it.repo().join("src").to_str().unwrap()]).contains("no new commits"));

    it.git(&["clone", "--quiet", "--depth=2", &source, root.join("shallow").to_str().unwrap()]);
    let output = it.run(&["--store", "shallow", "import", root.join("shallow").to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("shallow clone"));
    assert!(it.said(&["--store", "shallow", "top"]).contains("2 commits by"));
    assert!(git(&root.join("shallow")).args(["fetch", "--quiet", "--unshallow"]).status().unwrap().success());
    it.said(&["--store", "shallow", "import", root.join("shallow").to_str().unwrap()]);
    assert!(it.said(&["--store", "shallow", "top"]).contains("8 commits by"));
}

#[test]
fn a_submodule_is_one_path() {
    let it = varied();
    let other = Fixture::new();
    other.write("x", "x");
    other.commit("Sub", "sub");
    it.git(&["submodule", "--quiet", "add", other.repo().to_str().unwrap(), "vendor/sub"]);
    it.commit("Ann Lee", "add a submodule");
    it.import();
    it.check_against_git();
    assert!(it.top().files.contains(&(1, "vendor/sub".into())));
    let sub = it.repo().join("vendor/sub");
    assert!(it.said(&["--store", "sub", "import", sub.to_str().unwrap()]).contains("read 1 commits"));
}

#[test]
fn an_empty_repository_is_no_error() {
    let it = Fixture::new();
    assert!(it.import().contains("has no commits yet"));
    assert_eq!(it.said(&["top", "--json"]), "{\"commits\":0,\"authors\":[],\"files\":[]}\n");
    it.commit("Ann", "first");
    it.import();
    it.check_against_git();
}

#[test]
fn a_moved_repository_is_followed() {
    let it = varied();
    it.import();
    let moved = it.root.path().join("moved");
    std::fs::rename(it.repo(), &moved).unwrap();
    assert!(it.said(&["import", moved.to_str().unwrap()]).contains("no new commits"));
    assert!(it.said(&["top"]).starts_with(moved.canonicalize().unwrap().to_str().unwrap()));
}

#[test]
fn months_and_search_read_the_same_store() {
    let it = varied();
    it.import();
    // One second before March in UTC, on a clock that is an hour ahead.
    assert_eq!(it.said(&["months", "--json"]), "[{\"month\":\"2024-03\",\"commits\":8}]\n");
    assert!(it.said(&["months"]).starts_with("2024-03         8  ███"));
    assert!(it.said(&["search", "ann", "QUOTES"]).contains("first: \"quotes\", tab\u{fffd}and ünïcode"));
    assert_eq!(it.said(&["search", "%"]), "no commit has `%`\n");
    let head = it.git(&["rev-parse", "HEAD"]);
    assert_eq!(it.said(&["search", &head[..12]]).lines().count(), 1);
    assert_eq!(it.said(&["search", "--json", "--limit", "1", "e"]).matches("\"oid\"").count(), 1);
    assert!(
        it.said(&["top", "--limit", "1"]).contains("\n        1  .mailmap") || it.said(&["top"]).contains("image.bin")
    );
}

/// A commit group has at most 900,000 bytes; these files have more.
#[test]
fn a_commit_of_many_files_is_read_in_parts() {
    let it = Fixture::new();
    let who = "Ann <a@x> 0 +0000";
    let mut stream =
        format!("blob\nmark :1\ndata 2\nx\n\ncommit refs/heads/main\nauthor {who}\ncommitter {who}\ndata 3\nbig\n");
    for number in 0..12_000 {
        stream += &format!("M 100644 :1 some/folder/with/a/long/name/{number:05}.txt\n");
    }
    it.fast_import(stream.as_bytes());
    it.import();
    let top = it.top();
    assert_eq!((top.commits, top.files.len()), (1, 12_000));
    assert!(top.files.iter().all(|file| file.0 == 1));
    assert!(it.said(&["top"]).contains("12,000 files, +12,000 -0 lines"));
}

#[test]
fn a_moderate_history_is_counted_exactly() {
    let it = Fixture::new();
    it.fast_import(&linear_history(700));
    let output = it.run(&["import", it.repo().to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("700 of 700 commits"), "progress is told in lines");
    it.check_against_git();
}

#[test]
fn two_imports_at_once_count_each_commit_once() {
    let it = Fixture::new();
    it.fast_import(&linear_history(1_200));
    let start = || it.program().arg("import").arg(it.repo()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    for import in [start(), start()] {
        let output = import.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    it.check_against_git();
}
