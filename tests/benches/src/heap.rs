//! Counts what Rust code allocates. SQLite has an allocator of its own, so that state is not in it.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};

static LIVE: AtomicI64 = AtomicI64::new(0);

/// The system's allocator, counted. For `#[global_allocator]`.
#[derive(Debug)]
pub struct Counted;

/// The bytes that are allocated now, with what the system's allocator adds to each piece (glibc: 8 bytes, in steps of 16).
#[must_use]
pub fn heap_bytes() -> i64 {
    LIVE.load(Ordering::Relaxed)
}

fn count(size: usize, sign: i64) {
    let whole = ((size + 8).div_ceil(16) * 16).max(32);
    LIVE.fetch_add(sign * whole as i64, Ordering::Relaxed);
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller keeps to the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: the caller keeps to the contract.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(layout.size(), -1);
        count(size, 1);
        // SAFETY: the caller keeps to the contract.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
