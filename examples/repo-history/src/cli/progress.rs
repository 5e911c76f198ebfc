use super::say;
use crate::import::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// How far an import has come, on stderr: a bar on a terminal, else a line for each tenth.
pub(super) enum ProgressLine {
    Bar(ProgressBar),
    Lines { tenths: Option<u64> },
}

impl ProgressLine {
    pub(super) fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines { tenths: None };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = "{spinner} {bar:30} {human_pos} of {human_len} commits, {eta} left";
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message("listing commits");
        Self::Bar(bar)
    }

    pub(super) fn show(&mut self, Progress { done, total }: Progress) {
        match self {
            Self::Bar(bar) if bar.length().is_none() => {
                bar.set_length(total);
                bar.set_position(done);
                bar.reset_eta(); // What was there already says nothing about the speed.
            }
            Self::Bar(bar) => bar.set_position(done),
            Self::Lines { tenths } => {
                let now = (done * 10).checked_div(total).unwrap_or(0);
                // What was there before is no news.
                if tenths.is_some_and(|before| now > before) {
                    say(&format!("{done} of {total} commits"));
                }
                *tenths = Some(now);
            }
        }
    }

    pub(super) fn clear(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
