//! Short names for states.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// 128 bits that stand for a state. Among `n` states two get the same name with a chance of `n² / 2¹²⁹`, and one of them would not be
/// looked at: `10⁻²³` for 100 million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::sync::tests) struct Name(u128);

impl Name {
    /// Whether it is one of those that are picked from so many.
    pub(in crate::sync::tests) fn is_one_in(self, many: u64) -> bool {
        (self.0 as u64).is_multiple_of(many)
    }
}

pub(super) fn name_of(value: &impl Hash) -> Name {
    let mut hasher = Wide { low: 0x9e37_79b9_7f4a_7c15, high: 0xc2b2_ae3d_27d4_eb4f };
    value.hash(&mut hasher);
    // The last words have to reach all bits.
    hasher.write_u64(0x1656_67b1_9e37_79f9);
    hasher.write_u64(0x27d4_eb2f_1656_67c5);
    Name(u128::from(hasher.high) << 64 | u128::from(hasher.low))
}

/// Two multiplications with all their bits, by unlike factors, for each word.
struct Wide {
    low: u64,
    high: u64,
}

fn folded(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    product as u64 ^ (product >> 64) as u64
}

impl Hasher for Wide {
    fn write_u64(&mut self, word: u64) {
        let (low, high) = (self.low, self.high);
        self.low = folded(low ^ word, 0xa076_1d64_78bd_642f).wrapping_add(high);
        self.high = folded(high ^ word.rotate_left(32), 0xe703_7ed1_a0b4_28db) ^ low.rotate_left(23);
    }

    fn write(&mut self, bytes: &[u8]) {
        for bytes in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            self.write_u64(u64::from_le_bytes(word) ^ (bytes.len() as u64) << 56);
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.low
    }
}

/// By name, which needs no more hashing.
pub(in crate::sync::tests) type Named<T> = HashMap<Name, T, BuildHasherDefault<AsItIs>>;

/// The low half of a name.
#[derive(Default)]
pub(in crate::sync::tests) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write_u128(&mut self, name: u128) {
        self.0 = name as u64;
    }

    fn write(&mut self, _: &[u8]) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[test]
fn names_differ_where_values_differ() {
    let mut known = Named::default();
    let values = (0..200_000_u64).map(|number| name_of(&number));
    let pairs = (0..=255_u8).flat_map(|left| (0..=255_u8).map(move |right| name_of(&(left, right))));
    let lists = (1..64_usize).map(|length| name_of(&vec![0_u8; length]));
    for name in values.chain(pairs).chain(lists) {
        assert!(known.insert(name, ()).is_none(), "{name:?}");
    }
    // Bits are as often one as zero, in both halves.
    for bit in 0..128 {
        let ones = known.keys().filter(|name| name.0 >> bit & 1 == 1).count() as f64 / known.len() as f64;
        assert!((0.49..0.51).contains(&ones), "bit {bit}: {ones}");
    }
}
