use crate::fixture::{Fixture, one_line};

#[test]
fn a_path_that_is_no_repository_is_told_in_one_line() {
    let it = Fixture::new();
    let root = it.root.path();
    let at = |name: &str| root.join(name).to_str().unwrap().to_owned();
    std::fs::write(root.join("file"), "x").unwrap();
    std::fs::create_dir(root.join("plain")).unwrap();
    for (path, expected) in [
        ("missing", "does not exist; give the folder of a git repository"),
        ("file", "is a file; give the folder of a git repository"),
        ("plain", "is not a git repository; give the folder of one"),
    ] {
        let line = it.refused(&["import", &at(path)]);
        assert!(line.starts_with("repo-history: `") && line.contains(path) && line.ends_with(expected), "{line}");
    }
    assert!(!it.dir().exists(), "a refused import leaves nothing behind");
}

#[test]
fn a_missing_git_is_told() {
    let it = Fixture::new();
    let output = it.program().env("PATH", it.root.path()).arg("import").arg(it.repo()).output().unwrap();
    assert_eq!(one_line(&output), "repo-history: `git` was not found; install git, or put it on your PATH");
}

#[test]
fn a_repository_of_somebody_else_is_told() {
    let it = Fixture::new();
    let mut command = it.program();
    command.env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1").arg("import").arg(it.repo());
    let line = one_line(&command.output().unwrap());
    assert!(line.contains("does not trust") && line.contains("safe.directory"), "{line}");
}

#[test]
fn a_broken_repository_is_told_and_what_was_read_stays() {
    let it = Fixture::new();
    it.write("a", "1\n");
    it.commit("Ann", "one");
    it.import();
    it.write("a", "2\n");
    it.commit("Ann", "two");
    let tree = it.git(&["rev-parse", "HEAD^{tree}"]);
    let object = it.repo().join(".git/objects").join(&tree[..2]).join(tree[2..].trim());
    std::fs::remove_file(object).unwrap();
    let output = it.run(&["import", it.repo().to_str().unwrap()]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let last = stderr.lines().last().unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(last.starts_with("repo-history: git failed while it read the history: "), "{stderr}");
    std::fs::write(it.repo().join(".git/HEAD"), "nonsense").unwrap();
    let line = it.refused(&["import", it.repo().to_str().unwrap()]);
    assert!(line.contains("is not a git repository"), "{line}");
    assert!(it.said(&["top", "--json"]).starts_with("{\"commits\":1,"), "a commit without all its files is not read");
}

#[test]
fn a_second_repository_needs_a_store_of_its_own() {
    let (it, other) = (Fixture::new(), Fixture::new());
    it.commit("Ann", "here");
    other.commit("Bo", "there");
    it.import();
    let line = it.refused(&["import", other.repo().to_str().unwrap()]);
    assert!(
        line.contains("store `history` holds the history of") && line.ends_with("with another `--store NAME`"),
        "{line}"
    );
    it.check_against_git();
    it.said(&["--store", "other", "import", other.repo().to_str().unwrap()]);
    assert!(it.said(&["--store", "other", "top"]).contains("Bo"));
    it.check_against_git();
}

#[test]
fn reading_what_was_never_imported_says_what_to_do() {
    let it = Fixture::new();
    let line = it.refused(&["top", "--json"]);
    assert!(line.contains("nothing was imported into") && line.contains("import REPO"), "{line}");
    assert!(!it.dir().exists());
    it.commit("Ann", "one");
    it.import();
    assert!(it.said(&["--store", "empty", "top"]).contains("store `empty` is empty; run `repo-history import REPO`"));
    assert!(it.refused(&["--store", "no spaces", "top"]).contains("store id `no spaces` is not valid"));
}

#[test]
fn the_screen_needs_a_terminal() {
    let it = Fixture::new();
    it.import();
    assert!(it.refused(&[]).contains("the screen needs a terminal"));
}
