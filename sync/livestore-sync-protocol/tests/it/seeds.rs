//! What the fuzz targets begin with: recorded frames. Where `FUZZ_SEEDS` names a directory, they are written below it, a folder for each
//! target.

use crate::capture;
use crate::hostile::fuzz;
use std::collections::BTreeSet;
use std::path::Path;

/// Longer ones make a fuzzer slow, and say nothing new.
const SEED_BYTES_MAX: usize = 4_000;

fn frames(dir: &str) -> BTreeSet<Vec<u8>> {
    let bodies = capture::bodies(dir).map(|record| record.body().into_bytes());
    bodies.filter(|body| body.len() <= SEED_BYTES_MAX).collect()
}

/// The frames of each recording, in both directions, as parts of a stream: how many quarters of bytes, and where it is cut.
fn streams() -> BTreeSet<Vec<u8>> {
    let stream = |name: String| {
        let bodies =
            capture::read(&name).into_iter().filter(|record| record.kind == "text").map(|record| record.body());
        let mut stream = Vec::new();
        for (index, body) in bodies.filter(|body| body.len() <= 4 * usize::from(u8::MAX)).enumerate() {
            let mut frame = body.into_bytes();
            // JSON ends with any number of spaces.
            frame.resize(frame.len().next_multiple_of(4), b' ');
            let quarters = u8::try_from(frame.len() / 4).unwrap();
            stream.extend([quarters, u8::try_from(index * 7 % 256).unwrap()]);
            stream.extend(frame);
            if stream.len() > SEED_BYTES_MAX {
                break;
            }
        }
        stream
    };
    capture::names().into_iter().map(stream).filter(|stream| !stream.is_empty()).collect()
}

#[test]
fn the_fuzz_targets_survive_what_they_begin_with() {
    type Target = (&'static str, fn(&[u8]), BTreeSet<Vec<u8>>);
    let targets: [Target; 3] = [
        ("client_frame", fuzz::client_frame, frames("c2s")),
        ("server_frame", fuzz::server_frame, frames("s2c")),
        ("split_stream", fuzz::split_stream, streams()),
    ];
    let written = std::env::var_os("FUZZ_SEEDS");
    for (name, target, seeds) in targets {
        assert!(seeds.len() > 10, "{name}: {} seeds", seeds.len());
        seeds.iter().for_each(|seed| target(seed));
        let Some(dir) = written.as_deref().map(|dir| Path::new(dir).join(name)) else { continue };
        std::fs::create_dir_all(&dir).unwrap();
        for (index, seed) in seeds.iter().enumerate() {
            std::fs::write(dir.join(format!("{index:04}")), seed).unwrap();
        }
    }
}
