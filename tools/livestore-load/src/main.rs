//! The load generator as a program.

use clap::Parser as _;
use livestore_load::{Args, Report, run};
use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse();
    // Another crate of a build may have chosen already, with the same result.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(args.threads.max(1)).enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(&args)),
        Err(error) => Err(error.into()),
    };
    match done.and_then(|report| print(&report, args.json).map(|()| report)) {
        Ok(report) if report.is_clean() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => fail(&*error),
    }
}

#[expect(clippy::print_stdout, reason = "the result of a program")]
fn print(report: &Report, as_json: bool) -> Result<(), Box<dyn Error>> {
    if as_json {
        println!("{}", serde_json::to_string_pretty(report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

#[expect(clippy::print_stderr, reason = "a program tells its user why it ends")]
fn fail(error: &dyn Error) -> ExitCode {
    eprintln!("livestore-load: {error}");
    ExitCode::FAILURE
}
