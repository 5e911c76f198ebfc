//! Runs seeds of the built-in workload.

use livestore_sim::{Failure, Notes, Plan, Report, marks, run_plans, zoo};
use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::{ControlFlow, Range};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const HELP: &str = "\
Simulates clients of one store with everything that goes wrong, and checks that nothing is lost.

Usage: livestore-sim [--seeds FROM..TO] [--seed N] [--jobs N] [--keep-going] [--server] [--zoo]

  --seeds FROM..TO  the seeds to run (default 0..2000)
  --seed N          the same as N..N+1
  --jobs N          how many run at a time (default: one for each processor)
  --keep-going      do not end at the first failure
  --server          every seed syncs with this project's server (built with the feature `server`, which also has some
                    seeds do so without this)
  --zoo             switches defects on, one after the other, and counts the seeds until each shows
  --help            this text

A failure is printed with its seed, a shrunk script, and a test to paste. At the end, and on Ctrl-C, comes a summary: seeds,
failures, and the marks: what went wrong how often. The exit code is 1 where something failed, or where a mark was never hit
in 1,000 seeds or more.

SIM_TRACE=1 writes every frame to stderr.
";

/// How often a line tells how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// Fewer seeds may well leave a mark out.
const MARKS_FROM: u64 = 1_000;

struct Options {
    seeds: Range<u64>,
    jobs: usize,
    keeps_going: bool,
    is_server: bool,
    is_zoo: bool,
}

fn options() -> Result<Option<Options>, String> {
    let jobs = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut options = Options { seeds: 0..2_000, jobs, keeps_going: false, is_server: false, is_zoo: false };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value; see --help"));
        match &*arg {
            "--seeds" => options.seeds = range(&value()?)?,
            "--seed" => {
                let seed = number(&value()?)?;
                options.seeds = seed..seed.saturating_add(1);
            }
            "--jobs" => options.jobs = usize::try_from(number(&value()?)?).unwrap_or(jobs).clamp(1, 1_024),
            "--keep-going" => options.keeps_going = true,
            "--server" if cfg!(feature = "server") => options.is_server = true,
            "--server" => return Err("--server: this program was built without the feature `server`".into()),
            "--zoo" => options.is_zoo = true,
            "--help" | "-h" => return Ok(None),
            other => return Err(format!("unknown argument `{other}`; see --help")),
        }
    }
    Ok(Some(options))
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or(format!("`{text}` is no range; write 0..2000"))?;
    Ok(number(from)?..number(to)?)
}

#[derive(Default)]
struct Summary {
    seeds: u64,
    failed: u64,
    events: u64,
    frames: u64,
    marks: BTreeMap<&'static str, u64>,
}

impl Summary {
    #[allow(clippy::print_stdout)] // It is a program for a terminal.
    fn add(&mut self, result: Result<Report, Failure>) {
        self.seeds += 1;
        match result {
            Ok(report) => {
                (self.events, self.frames) = (self.events + report.events, self.frames + report.frames);
                for (name, count) in report.marks {
                    *self.marks.entry(name).or_default() += count;
                }
            }
            Err(failure) => {
                self.failed += 1;
                println!("{failure}\n");
            }
        }
    }

    fn line(&self, began: Instant) -> String {
        let Self { seeds, failed, events, frames, .. } = self;
        let seconds = began.elapsed().as_secs_f64();
        format!("{seeds} seeds in {seconds:.0} s, {failed} failed, {events} events, {frames} frames")
    }
}

#[allow(clippy::print_stdout, clippy::print_stderr)] // It is a program for a terminal.
fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    if options.is_zoo {
        return show_zoo(options.seeds);
    }
    let is_stopped = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&is_stopped);
    let asked = ctrlc::set_handler(move || {
        // Asked again: at once.
        if stop.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    if let Err(error) = asked {
        eprintln!("Ctrl-C will end it without a summary: {error}");
    }
    let (mut summary, began) = (Summary::default(), Instant::now());
    let mut told = began;
    run_plans::<Notes>(
        options.seeds,
        options.jobs,
        |seed| plan(seed, options.is_server),
        |_, result| {
            let is_over = result.is_err() && !options.keeps_going;
            summary.add(result);
            if told.elapsed() >= PROGRESS_EVERY {
                told = Instant::now();
                eprintln!("{}", summary.line(began));
            }
            if is_over || is_stopped.load(Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        },
    );
    println!("{}", summary.line(began));
    summary.marks.iter().for_each(|(name, count)| println!("{count:>10}  {name}"));
    let missing = if summary.seeds < MARKS_FROM { Vec::new() } else { marks::missing(&summary.marks) };
    missing.iter().for_each(|name| println!("         0  {name}: it never happened"));
    if is_stopped.load(Ordering::Relaxed) {
        println!("stopped before the end");
    }
    if summary.failed == 0 && missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(feature = "server")]
fn plan(seed: u64, is_server: bool) -> Plan {
    if is_server { Plan::new(seed).with_server() } else { Plan::new(seed) }
}

#[cfg(not(feature = "server"))]
fn plan(seed: u64, _: bool) -> Plan {
    Plan::new(seed)
}

/// Every defect that the simulator has to find, and how.
#[allow(clippy::print_stdout)] // It is a program for a terminal.
fn show_zoo(seeds: Range<u64>) -> ExitCode {
    std::panic::set_hook(Box::new(|_| {})); // A panic is a find like any other.
    let (mut counts, mut missed) = (Vec::new(), 0);
    for mutant in zoo::Mutant::found_by(zoo::Harness::Simulator) {
        let name = format!("{mutant:?}");
        match zoo::hunt::<Notes>(mutant, seeds.clone()) {
            Some(found) => {
                println!("{name:<26} {:<3} seed {:>4}: {}", mutant.rule(), found.seed, found.first_line());
                counts.push(found.seeds);
            }
            None => {
                println!("{name:<26} {:<3} survives: {}", mutant.rule(), mutant.what());
                missed += 1;
            }
        }
    }
    counts.sort_unstable();
    let median = counts.get(counts.len() / 2).copied().unwrap_or_default();
    println!("{} of {} found, half of them within {median} seeds", counts.len(), counts.len() + missed);
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
