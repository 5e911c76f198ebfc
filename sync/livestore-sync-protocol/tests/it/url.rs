//! The query of the connection's URL.

use crate::capture;
use livestore_sync_protocol::{ConnectError, ConnectRequest, Transport};

#[test]
fn recorded_urls_parse_and_build_to_the_same_bytes() {
    let mut built = 0;
    for record in capture::all().filter(|record| record.is("c2s", &["http-request"]) && record.method != "OPTIONS") {
        let (_, query) = record.url.split_once('?').unwrap_or_default();
        let Ok(connect) = ConnectRequest::parse(query) else {
            let refused = record.file.starts_with("ws-10") || query == "transport=http";
            assert!(refused, "{}: {}", record.at(), record.url);
            continue;
        };
        let expected = query.strip_suffix("&extra=1").unwrap_or(query);
        assert_eq!(connect.query(), expected, "{}", record.at());
        built += 1;
    }
    assert!(built > 50, "{built}");
}

#[test]
fn the_nested_payload_comes_through() {
    let urls = capture::read("ws-09-auth.jsonl");
    let url = urls.iter().map(|record| record.url.as_str()).find(|url| url.contains("good-token")).unwrap();
    let connect = ConnectRequest::parse(url.split_once('?').unwrap().1).unwrap();
    let payload = connect.payload.unwrap();
    assert_eq!(payload.text(), r#"{"authToken":"good-token","nested":{"x":[1,"ä",null]}}"#);
    assert!(!format!("{payload:?}").contains("good-token"), "no token in what is logged");
}

fn check(query: &str, expected: &str) {
    let found = ConnectRequest::parse(query).map_or_else(|error| error.to_string(), |connect| format!("{connect:?}"));
    assert_eq!(found, expected, "{query}");
}

#[test]
fn what_is_no_connect_request_is_told() {
    check("", "the query has no `storeId`");
    check("storeId=abc", "the query has no `transport`");
    check("storeId=abc&transport=foo", "no transport is called `foo`, only `ws` and `http`");
    check("storeId=abc&transport=ws&storeId=b", "the query has `storeId` twice");
    check("storeId=&transport=ws", "a malformed store id: `` is not 1 to 100 letters, digits, `_` or `-`");
    check(
        "storeId=a%20b%2Fc&transport=ws",
        "a malformed store id: `a b/c` is not 1 to 100 letters, digits, `_` or `-`",
    );
    check("storeId=%ff&transport=ws", "a malformed store id: `\u{fffd}` is not 1 to 100 letters, digits, `_` or `-`");
    check("storeId=abc&transport=ws&payload=notjson", "the payload is no JSON, percent-encoded twice");
    let long = "x".repeat(ConnectRequest::QUERY_BYTES_MAX + 1);
    check(&long, "a query of 32769 bytes, at most 32768");
}

#[test]
fn a_base_may_have_a_query() {
    let connect = ConnectRequest { store_id: "s".into(), transport: Transport::Http, payload: None };
    assert_eq!(connect.url("http://h/sync?region=eu#top"), "http://h/sync?region=eu&storeId=s&transport=http");
}

#[test]
fn a_missing_parameter_is_told_from_a_bad_one() {
    assert_eq!(ConnectRequest::parse("transport=ws"), Err(ConnectError::Missing { name: "storeId" }));
}
