use super::*;
use livestore::{Store, memory};

fn file(path: &str) -> FileChange {
    FileChange { path: path.into(), from: None, added: Some(2), deleted: Some(1) }
}

fn commit(id: &str, earlier_files: u64, files: &[&str]) -> CommitRead {
    CommitRead {
        id: id.into(),
        parents: Vec::new(),
        author: "Ann".into(),
        email: "a@x".into(),
        authored_at: 0,
        offset_minutes: 0,
        subject: "s".into(),
        earlier_files,
        files: files.iter().map(|path| file(path)).collect(),
    }
}

fn store() -> Store<History> {
    let store = Store::open(memory(), "history").unwrap();
    store.commit(RepositoryChosen { path: "/a".into(), first_commit: "1".into() }).unwrap();
    store
}

/// Commits of all, and each file with its changes.
fn counts(store: &Store<History>) -> (i64, Vec<(String, i64)>) {
    let commits = store.query(&Repository::query().one()).unwrap().commits;
    (commits, store.query(&File::query().order_by(|t| t.path.asc()).select(|t| (t.path, t.changes))).unwrap())
}

fn changes(files: &[(&str, i64)]) -> Vec<(String, i64)> {
    files.iter().map(|(path, changes)| ((*path).to_owned(), *changes)).collect()
}

#[test]
fn a_commit_counts_once() {
    let store = store();
    store.commit(commit("1", 0, &["a", "b"])).unwrap();
    store.commit((commit("1", 0, &["a", "b"]), commit("2", 0, &["a"]))).unwrap();
    assert_eq!(counts(&store), (2, changes(&[("a", 2), ("b", 1)])));
    let numbers = store.query(&Commit::query().order_by(|t| t.number.asc()).select(|t| (t.number, t.oid))).unwrap();
    assert_eq!(numbers, [(1, "1".to_owned()), (2, "2".to_owned())]);
}

#[test]
fn parts_count_when_the_commit_is_whole_and_each_file_once() {
    let store = store();
    let part = |paths: &[&str]| FilesRead { commit: "1".into(), files: paths.iter().map(|path| file(path)).collect() };
    store.commit((commit("0", 0, &["a"]), part(&["a", "b"]))).unwrap();
    assert_eq!(counts(&store), (1, changes(&[("a", 1)])), "a half commit does not count");
    store.commit((part(&["b", "c"]), commit("1", 3, &["c", "d"]))).unwrap();
    assert_eq!(counts(&store), (2, changes(&[("a", 2), ("b", 1), ("c", 1), ("d", 1)])));
    let whole = store.query(&Commit::query().filter(|t| t.oid.eq("1")).one()).unwrap();
    assert_eq!((whole.files, whole.added, whole.deleted), (4, 8, 4));
    assert_eq!(store.query(&PendingFile::query().count()).unwrap(), 0);
    assert_eq!(store.query(&Repository::query().one()).unwrap().added, 10);
}
