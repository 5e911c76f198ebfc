//! How long things took, in bounded memory.

/// Steps within one doubling: a value is told to 1.6 %.
const STEPS: u64 = 64;

/// Counts durations in microseconds, finely where they are short.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Histogram {
    pub(crate) fn add(&mut self, micros: u64) {
        let place = place(micros);
        if place >= self.counts.len() {
            self.counts.resize(place + 1, 0);
        }
        self.counts[place] += 1;
        self.total += 1;
        self.max = self.max.max(micros);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if other.counts.len() > self.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (own, other) in self.counts.iter_mut().zip(&other.counts) {
            *own += other;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    pub(crate) const fn max(&self) -> u64 {
        self.max
    }

    /// The value that this share of all is not above, in per cent; 0 where there is none.
    pub(crate) fn percentile(&self, percent: u64) -> u64 {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return value(place).min(self.max);
            }
        }
        0
    }
}

fn place(micros: u64) -> usize {
    if micros < STEPS {
        return usize::try_from(micros).unwrap_or(0);
    }
    let doubling = micros.ilog2() - STEPS.ilog2();
    let step = (micros >> doubling) - STEPS;
    usize::try_from(u64::from(doubling + 1) * STEPS + step).unwrap_or(0)
}

/// The largest value at a place.
fn value(place: usize) -> u64 {
    let place = place as u64;
    if place < STEPS {
        return place;
    }
    let (doubling, step) = (place / STEPS - 1, place % STEPS);
    ((STEPS + step + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_told_to_two_per_cent() {
        let mut micros = 0;
        while micros < 1 << 40 {
            let told = value(place(micros));
            assert!(told >= micros && told - micros <= micros / 50, "{micros} is told as {told}");
            micros += 1 + micros / 7;
        }
    }

    #[test]
    fn percentiles_are_those_of_a_sorted_list() {
        let (mut first, mut second) = (Histogram::default(), Histogram::default());
        (1..=50).for_each(|micros| first.add(micros));
        (51..=100).for_each(|micros| second.add(micros));
        first.merge(&second);
        let near = |percent, micros: u64| first.percentile(percent).abs_diff(micros) <= 1;
        assert!(near(50, 50) && near(99, 99) && first.percentile(100) == 100, "{first:?}");
        assert_eq!(Histogram::default().percentile(99), 0);
    }
}
