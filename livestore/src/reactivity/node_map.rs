use super::NodeId;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// What is known of each node. The graph hands the names out itself, one after the other, so the standard hasher's
/// protection against chosen keys is not paid for.
pub(crate) type NodeMap<T> = HashMap<NodeId, T, BuildHasherDefault<NodeHasher>>;

/// Hashes a [`NodeId`], which is two numbers.
#[derive(Debug, Default)]
pub(crate) struct NodeHasher(u64);

impl Hasher for NodeHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        // Odd, with its bits well spread: a map takes its places from the low bits and its tags from the high ones.
        self.0 = (self.0.rotate_left(32) ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}
