//! The child process of the suite for adapters: `conformance-session <directory> <store id>`.

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let [_, directory, store_id] = args.as_slice() else {
        return Err(std::io::Error::other("usage: conformance-session <directory> <store id>"));
    };
    livestore_conformance::adapter::serve(livestore::native(directory), store_id)
}
