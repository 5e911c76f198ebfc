//! Runs seeds of the built-in workload.

use livestore_sim::{Notes, marks, run, zoo};
use std::collections::BTreeMap;
use std::ops::Range;
use std::process::ExitCode;

const HELP: &str = "\
Simulates clients of one store with everything that goes wrong, and checks that nothing is lost.

Usage: livestore-sim [--seeds FROM..TO] [--seed N] [--keep-going] [--zoo]

  --seeds FROM..TO  the seeds to run (default 0..2000)
  --seed N          the same as N..N+1
  --keep-going      do not end at the first failure
  --zoo             switches defects on, one after the other, and counts the seeds until each shows
  --help            this text

SIM_TRACE=1 writes every frame to stderr.
";

struct Options {
    seeds: Range<u64>,
    keeps_going: bool,
    is_zoo: bool,
}

fn options() -> Result<Option<Options>, String> {
    let mut options = Options { seeds: 0..2_000, keeps_going: false, is_zoo: false };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value; see --help"));
        match &*arg {
            "--seeds" => options.seeds = range(&value()?)?,
            "--seed" => {
                let seed = number(&value()?)?;
                options.seeds = seed..seed + 1;
            }
            "--keep-going" => options.keeps_going = true,
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
    let (mut failures, mut done, mut hits) = (0_u64, 0_u64, BTreeMap::<&'static str, u64>::new());
    let (mut frames, mut events) = (0, 0);
    for seed in options.seeds.clone() {
        match run::<Notes>(seed) {
            Ok(report) => {
                (frames, events) = (frames + report.frames, events + report.events);
                if std::env::var_os("SIM_VERBOSE").is_some() {
                    eprintln!("seed {seed}: {} steps in {:?}, hash {:x}", report.steps, report.time, report.hash);
                }
                for (name, count) in report.marks {
                    *hits.entry(name).or_default() += count;
                }
            }
            Err(failure) => {
                failures += 1;
                println!("{failure}\n");
                if !options.keeps_going {
                    return ExitCode::FAILURE;
                }
            }
        }
        done += 1;
        if done % 100 == 0 {
            eprintln!("{done} seeds, {failures} failed, {events} events, {frames} frames");
        }
    }
    println!("{done} seeds, {failures} failed, {events} events, {frames} frames");
    hits.iter().for_each(|(name, count)| println!("{count:>10}  {name}"));
    // Fewer seeds may well leave something out.
    let missing = if done < 1_000 { Vec::new() } else { marks::missing(&hits) };
    missing.iter().for_each(|name| println!("         0  {name}: it never happened"));
    if failures == 0 && missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
