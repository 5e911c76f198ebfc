//! Bars, made of characters.

use crate::schema::Month;

/// Bars of a width, and what stands below them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Activity {
    /// Commits of each bar, oldest first.
    pub(super) bars: Vec<u64>,
    /// How many cells a bar takes, its gap among them.
    pub(super) cells: usize,
    /// How many months a bar stands for.
    pub(super) months: usize,
    /// The years, below their first bar.
    pub(super) axis: String,
}

/// How many months a bar may stand for: parts of a year, then years.
const STEPS: [usize; 8] = [1, 2, 3, 6, 12, 24, 60, 120];
/// Wider bars say no more.
const CELLS_MAX: usize = 6;

/// Puts months into as many bars as fit into the width; months without a commit are there too.
pub(super) fn activity(months: &[Month], width: usize) -> Activity {
    let numbered: Vec<(usize, u64)> =
        months.iter().filter_map(|it| Some((number(&it.month)?, it.commits.unsigned_abs()))).collect();
    let (Some(first), Some(last)) = (numbered.first(), numbered.last()) else { return Activity::default() };
    let bars_of = |step: usize| last.0 / step - first.0 / step + 1;
    let longest = STEPS[STEPS.len() - 1];
    let step = STEPS.into_iter().find(|step| bars_of(*step) <= width).unwrap_or(longest);
    let start = first.0 / step;
    let mut bars = vec![0; bars_of(step)];
    numbered.iter().for_each(|(month, commits)| bars[month / step - start] += commits);
    // A clock that was wrong by centuries must not hide the rest: the newest are kept.
    let hidden = bars.len().saturating_sub(width);
    let bars = bars.split_off(hidden);
    let cells = (width / bars.len().max(1)).clamp(1, CELLS_MAX);
    let axis = axis(start + hidden, bars.len(), step, cells);
    Activity { bars, cells, months: step, axis }
}

/// `2024-02` as months since the year 0.
fn number(month: &str) -> Option<usize> {
    let (year, month) = month.rsplit_once('-')?;
    Some(year.parse::<usize>().ok()? * 12 + month.parse::<usize>().ok()?.checked_sub(1)?)
}

fn axis(start: usize, bars: usize, step: usize, cells: usize) -> String {
    let mut axis = String::new();
    let mut shown = None;
    for bar in 0..bars {
        let year = (start + bar) * step / 12;
        let is_first_bar = axis.is_empty();
        let begins_year = (start + bar) * step % 12 < step;
        let place = bar * cells;
        let has_room = is_first_bar || place > axis.len();
        if shown != Some(year) && (begins_year || is_first_bar) && has_room && place + 4 <= bars * cells {
            axis = format!("{axis:place$}{year:04}");
            shown = Some(year);
        }
    }
    axis
}

/// A bar that lies: eighths of a cell, and never nothing for something.
pub(super) fn bar(value: i64, most: i64, cells: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let most = most.max(1) as f64;
    let eighths = ((value as f64 / most) * cells as f64 * 8.0).round() as usize;
    let eighths = eighths.max(usize::from(value > 0)).min(cells * 8);
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn months(counts: &[(&str, i64)]) -> Vec<Month> {
        counts.iter().map(|(month, commits)| Month { month: (*month).into(), commits: *commits }).collect()
    }

    #[test]
    fn months_without_commits_have_a_bar_too() {
        let shown = activity(&months(&[("2023-11", 2), ("2024-02", 5)]), 40);
        assert_eq!((shown.bars, shown.cells, shown.months), (vec![2, 0, 0, 5], 6, 1));
        assert_eq!(shown.axis, "2023        2024");
    }

    #[test]
    fn a_long_history_takes_several_months_to_a_bar() {
        let shown = activity(&months(&[("2000-01", 1), ("2000-03", 1), ("2019-12", 7)]), 80);
        assert_eq!((shown.months, shown.bars.len(), shown.cells), (3, 80, 1));
        assert_eq!((shown.bars[0], shown.bars[79]), (2, 7));
        assert!(shown.axis.starts_with("2000    2002    2004"), "{}", shown.axis);
    }

    #[test]
    fn no_width_and_no_months_draw_nothing() {
        assert_eq!(activity(&[], 10), Activity::default());
        assert_eq!(activity(&months(&[("2024-01", 1)]), 0).bars, Vec::<u64>::new());
        assert_eq!(activity(&months(&[("0001-01", 1), ("9999-01", 3)]), 5).bars, vec![0, 0, 0, 0, 3]);
    }

    #[test]
    fn bars_have_eighths() {
        assert_eq!(bar(8, 8, 2), "██");
        assert_eq!(bar(5, 8, 1), "▋");
        assert_eq!((bar(0, 8, 4).as_str(), bar(1, 1_000_000, 4).as_str(), bar(0, 0, 4).as_str()), ("", "▏", ""));
    }
}
