use super::*;

const ID: &str = "1111111111111111111111111111111111111111";
const ID2: &str = "2222222222222222222222222222222222222222";

/// Parses a log in which `|` stands for NUL and writes down what came out.
fn read(log: &[u8]) -> String {
    let mut parser = LogParser::default();
    let mut lines = Vec::new();
    let tokens = log.strip_suffix(b"|").unwrap_or(log);
    for token in tokens.split(|byte| *byte == b'|') {
        match parser.token(token) {
            Ok(None) => {}
            Ok(Some(Piece::Commit(it))) => lines.push(format!(
                "{} by {} <{}> at {}{:+} parents {}: {}",
                &it.id[..4],
                it.author,
                it.email,
                it.authored_at,
                it.offset_minutes,
                it.parents.len(),
                it.subject
            )),
            Ok(Some(Piece::File(FileChange { path, from, added, deleted }))) => {
                let number = |number: Option<i64>| number.map_or("bin".to_owned(), |number| number.to_string());
                let from = from.map(|from| format!(" from {from}")).unwrap_or_default();
                lines.push(format!("  {path:?}{from} +{} -{}", number(added), number(deleted)));
            }
            Err(error) => lines.push(format!("error: {error}")),
        }
    }
    if let Err(error) = parser.finish() {
        lines.push(format!("error: {error}"));
    }
    lines.join("\n")
}

#[track_caller]
fn check(log: &str, expected: &[&str]) {
    assert_eq!(read(log.as_bytes()), expected.join("\n"));
}

#[test]
fn commits_with_and_without_files_follow_each_other() {
    check(
        &format!("{ID}||Ann|a@x|100 +0000|one|||\n1\t0\ta b.txt|2\t3\tdir/c|{ID2}|{ID}|Bo|b@x|200 -0130|two||"),
        &[
            "1111 by Ann <a@x> at 100+0 parents 0: one",
            r#"  "a b.txt" +1 -0"#,
            r#"  "dir/c" +2 -3"#,
            "2222 by Bo <b@x> at 200-90 parents 1: two",
        ],
    );
}

#[test]
fn renames_binary_files_and_odd_paths_are_read() {
    check(
        &format!(
            "{ID}|{ID2} {ID2}|Ann|a@x|100 +0545|s||\n0\t0\t|old\tname|new \"q\"|-\t-\tx.png|-\t-\t|a|{ID2}|1\t1\tä\nb|"
        ),
        &[
            "1111 by Ann <a@x> at 100+345 parents 2: s",
            r#"  "new \"q\"" from old	name +0 -0"#,
            r#"  "x.png" +bin -bin"#,
            &format!(r#"  "{ID2}" from a +bin -bin"#),
            r#"  "ä\nb" +1 -1"#,
        ],
    );
}

#[test]
fn empty_fields_and_broken_dates_are_taken_as_they_are() {
    check(&format!("{ID}||||||"), &["1111 by  <> at 0+0 parents 0: "]);
    check(&format!("{ID}||A|a|junk|s|"), &["1111 by A <a> at 0+0 parents 0: s"]);
    check(&format!("{ID}||A|a|9 +051800|s|"), &["1111 by A <a> at 9+0 parents 0: s"]);
    check("", &[]);
}

#[test]
fn bytes_that_are_no_text_are_marked() {
    let mut log = format!("{ID}||").into_bytes();
    log.extend(b"J\xf6rg|j@x|1 +0000|s|\n1\t1\tcaf\xe9|");
    assert_eq!(read(&log), "1111 by J\u{fffd}rg <j@x> at 1+0 parents 0: s\n  \"caf\\\\xe9\" +1 -1");
}

#[test]
fn texts_without_end_are_cut() {
    let subject = "é".repeat(10_000);
    let read = read(format!("{ID}||A|a|1 +0000|{subject}|").as_bytes());
    assert!(read.ends_with("é…") && read.chars().filter(|char| *char == 'é').count() == TEXT_CHARS_MAX, "{read}");
}

#[test]
fn what_git_does_not_write_is_refused() {
    check("hello|", &["error: git's log has an entry that is not understood: `hello`"]);
    check("x\t1\ta|", &[r"error: git's log has an entry that is not understood: `x\t1\ta`"]);
    check(&format!("{ID}||A|"), &["error: git's log ended in the middle of a commit; run the import again"]);
    check("1\t1\t|a|", &["error: git's log ended in the middle of a commit; run the import again"]);
}
