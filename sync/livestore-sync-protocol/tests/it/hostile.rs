//! Bytes that nobody would send: each is a value or a typed error, and never a panic.

use crate::capture;
use crate::random::{client_frame, server_envelope};
use crate::rng::{Rng, rounds};
use livestore_sync_protocol::{
    ClientEnvelope, FrameBuffer, Limits, Transport, decode_client_frame, decode_server_frame,
};

/// What the fuzz targets do.
#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub)] // They are public there.
pub(crate) mod fuzz;

/// Everything that reads bytes from outside.
fn feed(bytes: &[u8]) {
    fuzz::client_frame(bytes);
    fuzz::server_frame(bytes);
    fuzz::split_stream(bytes);
    let small = Limits { frame_bytes: 200, envelopes: 2, batch_events: 2, depth: 3, text_bytes: 8, event_bytes: 50 };
    for envelope in decode_client_frame(bytes, &small).unwrap_or_default() {
        if let ClientEnvelope::Request(request) = &envelope {
            let calls = [Transport::WebSocket, Transport::Http].map(|transport| request.call(transport, &small));
            calls.iter().filter_map(|call| call.as_ref().err()).for_each(|error| drop(error.to_string()));
        }
    }
    drop(decode_server_frame(bytes, &small));
}

fn mutate(frame: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..1 + rng.below(4) {
        let at = rng.below(frame.len());
        let other = rng.below(frame.len());
        match rng.below(6) {
            0 => frame.truncate(at),
            1 if at < frame.len() => frame[at] = rng.next().to_le_bytes()[0],
            2 if at < frame.len() => drop(frame.remove(at)),
            3 => frame.insert(at, *rng.pick(b"{}[]\",:\\0-e\xff")),
            4 if at < frame.len() && other < frame.len() => frame.swap(at, other),
            _ => {
                // A piece of it twice.
                let piece = frame.get(at.min(other)..at.max(other)).unwrap_or_default().to_vec();
                frame.splice(at.min(frame.len())..at.min(frame.len()), piece);
            }
        }
    }
}

#[test]
fn random_bytes_are_told() {
    let mut rng = Rng::seeded();
    for _ in 0..rounds(1_000, 100_000) {
        let bytes: Vec<_> = (0..rng.below(64)).map(|_| rng.next().to_le_bytes()[0]).collect();
        feed(&bytes);
        let marks: Vec<_> = (0..rng.below(64)).map(|_| *rng.pick(b"{}[]\",:_tagPing 01\\")).collect();
        feed(&marks);
    }
}

#[test]
fn mutated_frames_are_told() {
    let mut rng = Rng::seeded();
    let recorded = ["c2s", "s2c"].into_iter().flat_map(capture::bodies).map(|record| record.body());
    let mut frames: Vec<_> = recorded.filter(|body| body.len() < 4_000).collect();
    frames.extend((0..200).map(|_| client_frame(&mut rng)));
    frames.extend((0..200).map(|_| server_envelope(&mut rng).encode()));
    for _ in 0..rounds(1_000, 200_000) {
        let mut frame = rng.pick(&frames).clone().into_bytes();
        mutate(&mut frame, &mut rng);
        feed(&frame);
    }
}

#[test]
fn any_split_of_a_body_decodes_the_same() {
    let mut rng = Rng::seeded();
    let limits = Limits::default();
    for record in capture::bodies("s2c").filter(|record| record.kind == "http-response") {
        let body = record.body();
        let mut buffer = FrameBuffer::new(&limits);
        let mut rest = body.as_bytes();
        while !rest.is_empty() {
            let (part, after) = rest.split_at(1 + rng.below(rest.len()));
            buffer.push(part).unwrap();
            rest = after;
        }
        let whole = decode_server_frame(body.as_bytes(), &limits);
        assert_eq!(decode_server_frame(buffer.bytes(), &limits), whole, "{}", record.at());
    }
}
