use std::hash::Hasher;

/// Hashes the text of a statement, which happens each time that one runs. Texts come from the program and not from whoever
/// sends it data, so nobody looks for collisions, and the standard hasher's protection against that is not paid for.
#[derive(Debug, Default)]
pub(super) struct TextHasher(u64);

/// Odd, with its bits well spread.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl TextHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(26) ^ word).wrapping_mul(FACTOR);
    }
}

impl Hasher for TextHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.add(word.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
        let rest = words.remainder();
        self.add(rest.iter().fold(rest.len() as u64, |word, byte| word << 8 | u64::from(*byte)));
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}
