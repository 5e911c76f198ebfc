//! Whose push is next: turns for those who are too late again and again.

use super::Verdict;
use livestore_sync_protocol::PushVerdict;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Names whoever pushes, a connection, for as long as it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pusher(pub u64);

/// How turns are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnOptions {
    /// After so many refusals in a row because the server is ahead.
    pub after: u32,
    /// How long a turn lasts at most.
    pub lasts: Duration,
    /// After a turn that was not used, nobody has one for so long: at worst a store waits for a part of the time.
    pub rest: Duration,
    /// Pushes that wait for somebody's turn to end. More end it.
    pub held_max: usize,
}

impl Default for TurnOptions {
    fn default() -> Self {
        Self { after: 3, lasts: Duration::from_millis(100), rest: Duration::from_secs(1), held_max: 64 }
    }
}

/// Pushes that wait for one store, and who may be next.
///
/// Clients push on top of what they have, so of many that push at the same time one is accepted and all others are behind. Who is far
/// away, or has much to take in, could be behind for ever. So a client that was refused three times in a row gets a turn: until its
/// next push is judged, but only for a moment, the pushes of others wait. They are judged afterwards, in the order in which they
/// came; as each of them is refused then, its client may get its turn before the next one is looked at, and so one after the other
/// gets through.
///
/// What counts is the trouble a client has lately: a refusal adds to it, and an accepted push takes one off. So where many clients
/// push all the time each of them is refused about once before it gets through, and not, as by chance, as often as there are others.
///
/// A client that does not use its turn has to be refused twice as often for the next one, and for a while nobody has one: no client
/// can make the others wait for more than a small part of the time.
///
/// ```
/// use livestore_server::log::{Pusher, TurnOptions, Turns, Verdict};
/// use livestore_sync_protocol::PushVerdict;
/// use std::time::Duration;
///
/// let (now, late, other) = (Duration::ZERO, Pusher(1), Pusher(2));
/// let mut turns = Turns::new(TurnOptions::default());
/// for _ in 0..3 {
///     turns.push(Some(late), "stale");
///     assert_eq!(turns.next(now), Some("stale"));
///     turns.judged(&Verdict::Judged(PushVerdict::ServerAhead { head: 7 }), now);
/// }
/// turns.push(Some(other), "fresh");
/// assert_eq!(turns.next(now), None, "it waits");
/// turns.push(Some(late), "rebased");
/// assert_eq!(turns.next(now), Some("rebased"));
/// turns.judged(&Verdict::Judged(PushVerdict::Accepted { head: 8 }), now);
/// assert_eq!(turns.next(now), Some("fresh"));
/// ```
#[derive(Debug)]
pub struct Turns<T> {
    options: TurnOptions,
    waiting: VecDeque<(Option<Pusher>, T)>,
    standings: HashMap<Pusher, Standing>,
    turn: Option<Turn>,
    /// Until then there are no turns.
    rests_until: Duration,
    /// Whose push is being judged.
    judging: Option<Pusher>,
}

#[derive(Debug, Default)]
struct Standing {
    /// Refusals, less the pushes that were accepted.
    refused: u32,
    /// Turns that it had since its last accepted push, and did not use.
    wasted: u32,
}

#[derive(Debug)]
struct Turn {
    of: Pusher,
    until: Duration,
}

/// So often the refusals double that a turn takes.
const WASTED_MAX: u32 = 16;
/// More are not told apart: then everybody's refusals are counted anew. Only those are kept that had some lately.
const STANDINGS_MAX: usize = 4_096;

impl<T> Turns<T> {
    /// Nobody waits, and nobody has a turn.
    #[must_use]
    pub fn new(options: TurnOptions) -> Self {
        let (waiting, standings) = (VecDeque::new(), HashMap::new());
        Self { options, waiting, standings, turn: None, rests_until: Duration::ZERO, judging: None }
    }

    /// A push came. Who has no name cannot be told from others, and gets no turn.
    pub fn push(&mut self, from: Option<Pusher>, push: T) {
        self.waiting.push_back((from, push));
    }

    /// The push that is to be judged now; its verdict has to be told by [`judged`](Self::judged) before the next one. `now`
    /// counts from any moment, and does not go back.
    pub fn next(&mut self, now: Duration) -> Option<T> {
        if self.turn.as_ref().is_some_and(|turn| now >= turn.until) {
            self.waste(now);
        }
        let place = match &self.turn {
            Some(turn) => {
                let own = self.waiting.iter().position(|(from, _)| *from == Some(turn.of));
                // Others fill the queue, so that the one whose turn it is might not get in: no fault of its own.
                if own.is_none() && self.is_full() {
                    self.turn = None;
                }
                own.or_else(|| self.turn.is_none().then_some(0))?
            }
            None => 0,
        };
        let (from, push) = self.waiting.remove(place)?;
        self.judging = from;
        Some(push)
    }

    /// What became of the push that [`next`](Self::next) gave.
    pub fn judged(&mut self, verdict: &Verdict, now: Duration) {
        let Some(pusher) = self.judging.take() else { return };
        let is_its_turn = self.turn.as_ref().is_some_and(|turn| turn.of == pusher);
        match verdict {
            Verdict::Judged(PushVerdict::Accepted { .. }) => {
                self.accepted(pusher);
                self.turn = self.turn.take().filter(|_| !is_its_turn);
            }
            _ if is_its_turn => self.waste(now),
            Verdict::Judged(PushVerdict::ServerAhead { .. }) => self.refused(pusher, now),
            _ => {}
        }
    }

    fn accepted(&mut self, pusher: Pusher) {
        let Some(standing) = self.standings.get_mut(&pusher) else { return };
        let refused = standing.refused.min(self.options.after).saturating_sub(1);
        *standing = Standing { refused, wasted: 0 };
        if refused == 0 {
            self.standings.remove(&pusher);
        }
    }

    fn refused(&mut self, pusher: Pusher, now: Duration) {
        if self.standings.len() >= STANDINGS_MAX && !self.standings.contains_key(&pusher) {
            self.standings.clear();
        }
        let standing = self.standings.entry(pusher).or_default();
        standing.refused = standing.refused.saturating_add(1);
        let after = self.options.after.saturating_mul(1 << standing.wasted.min(WASTED_MAX));
        if standing.refused >= after && self.turn.is_none() && now >= self.rests_until {
            self.turn = Some(Turn { of: pusher, until: now.saturating_add(self.options.lasts) });
        }
    }

    /// The turn ends, and was of no use.
    fn waste(&mut self, now: Duration) {
        if let Some(turn) = self.turn.take() {
            let standing = self.standings.entry(turn.of).or_default();
            *standing = Standing { refused: 0, wasted: standing.wasted.saturating_add(1) };
            self.rests_until = now.saturating_add(self.options.rest);
        }
    }

    /// Whoever this was is gone.
    pub fn gone(&mut self, pusher: Pusher, now: Duration) {
        if self.turn.as_ref().is_some_and(|turn| turn.of == pusher) {
            self.waste(now);
        }
        self.standings.remove(&pusher);
    }

    /// Whose turn it is.
    #[must_use]
    pub fn turn(&self) -> Option<Pusher> {
        self.turn.as_ref().map(|turn| turn.of)
    }

    /// Whether as many wait as may: no more is to be taken before [`next`](Self::next) gave one.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= self.options.held_max
    }

    /// When [`next`](Self::next) is to be asked again at the latest; `None` while nobody waits.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.turn.as_ref().filter(|_| !self.waiting.is_empty()).map(|turn| turn.until)
    }
}

#[cfg(test)]
mod tests;
