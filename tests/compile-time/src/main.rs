//! Measures what the macros cost the compiler: `cargo run -p livestore-compile-time`. See the README beside this package.

mod generate;
mod measure;

use generate::{Size, Style};
use measure::{Compiler, median};
use std::io::Write;

type Error = Box<dyn std::error::Error>;

const RUNS: usize = 5;

fn main() -> Result<(), Error> {
    let size = Size::from_args(std::env::args().skip(1))?;
    let compiler = Compiler::find()?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{} events, {} tables of {} columns; user CPU of rustc, medians of {RUNS}",
        size.events, size.tables, size.columns
    )?;
    let styles = [Style::SerdeOnEvents, Style::Serde, Style::LiveStore];
    let mut seconds = [const { Vec::new() }; 3];
    // Alternating, so that what else the machine does meets all alike; the first round warms the caches.
    for round in 0..=RUNS {
        for (style, seconds) in styles.iter().zip(&mut seconds) {
            let spent = compiler.check(*style, &generate::text(*style, &size))?;
            if round > 0 {
                seconds.push(spent);
            }
        }
    }
    let medians = seconds.map(|mut seconds| median(&mut seconds));
    for (style, median) in styles.iter().zip(medians) {
        writeln!(out, "{:<28} {median:.2} s", style.name())?;
    }
    writeln!(out, "{:<28} {:+.2} s", "added to plain serde", medians[2] - medians[1])?;
    writeln!(out, "{:<28} {:+.2} s", "added to serde on events", medians[2] - medians[0])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generated_crate_compiles() -> Result<(), Error> {
        let compiler = Compiler::find()?;
        let size = Size { events: 4, tables: 2, columns: 8 };
        for style in [Style::SerdeOnEvents, Style::Serde, Style::LiveStore] {
            compiler.check(style, &generate::text(style, &size))?;
        }
        Ok(())
    }
}
