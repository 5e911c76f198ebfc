//! Decoding takes memory in proportion to what came, whatever that is.
#![allow(unsafe_code)] // The counting allocator.

use livestore_sync_protocol::{
    ClientEnvelope, ConnectRequest, Limits, Transport, decode_client_frame, decode_server_frame,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counted;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// The most that was held at once while it ran, beyond what was held before.
fn peak(run: impl FnOnce()) -> usize {
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    run();
    PEAK.load(Ordering::Relaxed) - before
}

fn check(name: &str, frame: &str) {
    let limits = Limits::default();
    let client = peak(|| {
        for envelope in decode_client_frame(frame.as_bytes(), &limits).unwrap_or_default() {
            let ClientEnvelope::Request(request) = envelope else { continue };
            drop([Transport::WebSocket, Transport::Http].map(|transport| request.call(transport, &limits)));
        }
    });
    let server = peak(|| drop(decode_server_frame(frame.as_bytes(), &limits)));
    let url = peak(|| drop(ConnectRequest::parse(frame)));
    let max = 4 * frame.len() + (64 << 10);
    for (what, peak) in [("client frame", client), ("server frame", server), ("url", url)] {
        assert!(peak <= max, "{name} as {what}: {peak} bytes for {} of input, at most {max}", frame.len());
    }
}

const SIZE: usize = 1 << 18;

/// So many copies that they have about [`SIZE`] bytes.
fn many(item: &str, separator: &str) -> String {
    vec![item; SIZE / (item.len() + separator.len())].join(separator)
}

fn request(method: &str, payload: &str) -> String {
    format!(r#"{{"_tag":"Request","id":"1","tag":"{method}","payload":{payload}}}"#)
}

fn exit(cause: &str) -> String {
    format!(r#"{{"_tag":"Exit","requestId":"1","exit":{{"_tag":"Failure","cause":{cause}}}}}"#)
}

/// A tree of pairs, as deep as it may be.
fn tree(depth: usize) -> String {
    if depth == 0 {
        return r#"{"_tag":"Empty"}"#.into();
    }
    let below = tree(depth - 1);
    format!(r#"{{"_tag":"Parallel","left":{below},"right":{below}}}"#)
}

// One test: the numbers are the whole process's.
#[test]
fn memory_is_in_proportion_to_the_input() {
    let ones = format!("[{}]", many("1", ","));
    let event = r#"{"name":"","seqNum":1,"parentSeqNum":0,"clientId":"","sessionId":""}"#;
    let pulled = format!(r#"{{"eventEncoded":{event}}}"#);
    let push = |batch: &str| {
        request("SyncWsRpc.Push", &format!(r#"{{"storeId":"s","batch":{batch},"backendId":{{"_tag":"None"}}}}"#))
    };
    let page = |batch: &str, info: &str| format!(r#"{{"batch":{batch},"pageInfo":{info},"backendId":"b"}}"#);
    let chunk = |pages: &str| format!(r#"{{"_tag":"Chunk","requestId":"1","values":{pages}}}"#);
    let last = r#"{"_tag":"NoMore"}"#;
    let large = |args: &str| event.replace(r#""seqNum""#, &format!(r#""args":{args},"seqNum""#));

    check("pings", &format!("[{}]", many(r#"{"_tag":"Ping"}"#, ",")));
    check("numbers", &ones);
    check("objects", &format!("[{}]", many("{}", ",")));
    check("open brackets", &many("[", ""));
    check("an id of numbers", &format!(r#"{{"_tag":"Ack","requestId":{ones}}}"#));
    check("an unknown field of numbers", &format!(r#"{{"_tag":"Ping","x":{ones}}}"#));
    check("a long tag", &format!(r#"{{"_tag":"{}"}}"#, many(r"\u0041", "")));
    check("a long method", &request(&many(r"\n", ""), "1"));
    check("a payload of numbers", &request("SyncWsRpc.Pull", &ones));
    check(
        "a sync payload of numbers",
        &request("SyncWsRpc.Push", &format!(r#"{{"storeId":"s","payload":{ones},"batch":[]}}"#)),
    );
    check("small events", &push(&format!("[{}]", many(event, ","))));
    check("a large event", &push(&format!("[{}]", large(&ones))));
    check("an event of one text", &push(&format!("[{}]", large(&format!("\"{}\"", many(r"\\", ""))))));
    check("events that are none", &push(&ones));
    check(
        "a cursor of numbers",
        &request("SyncWsRpc.Pull", &format!(r#"{{"storeId":"s","cursor":{{"_tag":"Some","value":{ones}}}}}"#)),
    );
    check("small pulled events", &chunk(&format!("[{}]", page(&format!("[{}]", many(&pulled, ",")), last))));
    check("empty pages", &chunk(&format!("[{}]", many(&page("[]", last), ","))));
    check(
        "a page info of numbers",
        &chunk(&format!("[{}]", page("[]", &format!(r#"{{"_tag":"NoMore","x":{ones}}}"#)))),
    );
    check("a cause of numbers", &exit(&ones));
    check("a tree of causes", &exit(&tree(12)));
    check("an array of causes", &exit(&format!("[{}]", many(r#"{"_tag":"Empty"}"#, ","))));
    check(
        "a failure of numbers",
        &exit(&format!(r#"{{"_tag":"Fail","error":{{"_tag":"UnknownError","cause":{ones}}}}}"#)),
    );
    check("an error that is none", &exit(&format!(r#"{{"_tag":"Fail","error":{ones}}}"#)));
    check("a defect of numbers", &format!(r#"{{"_tag":"Defect","defect":{ones}}}"#));
    check("a query of parameters", &many("a=%41", "&")[..ConnectRequest::QUERY_BYTES_MAX]);
}
