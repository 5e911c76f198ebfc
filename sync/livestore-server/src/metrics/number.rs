use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Only ever grows.
#[derive(Debug)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The most that there ever was.
#[derive(Debug)]
pub(crate) struct HighWater(AtomicU64);

impl HighWater {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(crate) fn saw(&self, value: u64) {
        self.0.fetch_max(value, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// How long something took.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: [Counter; Self::BOUNDS_US.len()],
    count: Counter,
    sum_us: Counter,
}

impl Histogram {
    /// From a commit that only the operating system has to one behind a busy disk.
    pub(crate) const BOUNDS_US: [u64; 12] =
        [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_500_000];

    pub(crate) const fn new() -> Self {
        Self {
            buckets: [const { Counter::new() }; Self::BOUNDS_US.len()],
            count: Counter::new(),
            sum_us: Counter::new(),
        }
    }

    pub(crate) fn took(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = Self::BOUNDS_US.iter().zip(&self.buckets).find(|(bound, _)| us <= **bound);
        if let Some((_, bucket)) = bucket {
            bucket.add(1);
        }
        self.sum_us.add(us);
        self.count.add(1);
    }

    /// For each bound, how often it took at most so long.
    pub(crate) fn cumulated(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut sum = 0;
        Self::BOUNDS_US.into_iter().zip(&self.buckets).map(move |(bound, bucket)| {
            sum += bucket.get();
            (bound, sum)
        })
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.get()
    }

    pub(crate) fn sum_us(&self) -> u64 {
        self.sum_us.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::new();
        for us in [0, 100, 101, 2_500_000, 2_500_001] {
            histogram.took(Duration::from_micros(us));
        }
        let found: Vec<_> = histogram.cumulated().collect();
        assert_eq!((found[0], found[1], found[10], found[11]), ((100, 2), (250, 3), (500_000, 3), (2_500_000, 4)));
        assert_eq!((histogram.count(), histogram.sum_us()), (5, 5_000_202));
    }
}
