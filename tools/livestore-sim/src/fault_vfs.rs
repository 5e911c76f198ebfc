//! A SQLite VFS that fails at a chosen I/O point, over the system's own.
//!
//! [`FaultVfs::file`] gives the same answers for plain files, with [`livestore::__testing::with_files`].
//!
//! Every open, read, write, truncate, sync and delete is one point. Shared memory, locks and closing pass through, and the
//! real sync is left out: a process that goes on finds what it wrote without one.
#![allow(unsafe_code)]

use livestore::__testing::{FileAnswer, FileOp};
use rusqlite::ffi;
use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::Mutex;

/// How the point fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operation fails; the next succeeds.
    Once,
    /// This operation and all after it fail.
    ForEver,
    /// The first write from here on writes its first half, and fails.
    HalfWrite,
    /// From here on there is no space for writes.
    Full,
    /// The first sync from here on fails.
    Sync,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Once, Self::ForEver, Self::HalfWrite, Self::Full, Self::Sync];

    /// Whether trying again does not help.
    #[must_use]
    pub fn lasts(self) -> bool {
        matches!(self, Self::ForEver | Self::Full)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Op {
    Open,
    Read,
    Write,
    Truncate,
    Sync,
    Delete,
}

enum Answer {
    Pass,
    Fail(c_int),
    Half,
}

#[derive(Default)]
struct Plan {
    passed: u64,
    fault: Option<(u64, Fault)>,
    /// How many operations were refused.
    hits: u64,
}

/// A registered VFS. It stays registered as long as the process lives.
pub struct FaultVfs {
    name: CString,
    plan: Mutex<Plan>,
    real: *mut ffi::sqlite3_vfs,
}

// SAFETY: `real` is SQLite's own VFS, which any thread may use and which is never unregistered; the rest is shared safely.
unsafe impl Send for FaultVfs {}
// SAFETY: as above.
unsafe impl Sync for FaultVfs {}

impl std::fmt::Debug for FaultVfs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultVfs").field("name", &self.name).finish_non_exhaustive()
    }
}

impl FaultVfs {
    /// Registers a VFS under this name, which no other has.
    ///
    /// # Panics
    /// SQLite has no VFS to wrap.
    #[must_use]
    pub fn register(name: &str) -> &'static Self {
        // SAFETY: SQLite initialises itself and gives back its default VFS, or null.
        let real = unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) };
        assert!(!real.is_null(), "SQLite has a default VFS");
        let name = CString::new(name).expect("the name has no zero byte");
        let this: &'static Self = Box::leak(Box::new(Self { name, plan: Mutex::default(), real }));
        // SAFETY: `real` is valid; a copy of it is a VFS whose methods do not look at their first argument, except the two
        // that are replaced. Name, plan and table are leaked, so they outlive every use.
        unsafe {
            let mut vfs = *real;
            vfs.zName = this.name.as_ptr();
            vfs.pNext = std::ptr::null_mut();
            vfs.pAppData = std::ptr::from_ref(this).cast_mut().cast();
            vfs.szOsFile = size_of::<File>() as c_int + (*real).szOsFile;
            vfs.xOpen = Some(open);
            vfs.xDelete = Some(delete);
            let registered = ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 0);
            assert_eq!(registered, ffi::SQLITE_OK, "the VFS is registered");
        }
        this
    }

    /// Its name.
    ///
    /// # Panics
    /// Never: it was made from a `&str`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.to_str().expect("it was made from a str")
    }

    /// From here on it is the VFS of everything in this process that names none. For a test that has a process of its own.
    ///
    /// # Panics
    /// It is not registered any more.
    pub fn make_default(&self) {
        // SAFETY: the VFS was registered and stays so; registering it again only moves it to the front.
        let moved = unsafe {
            let vfs = ffi::sqlite3_vfs_find(self.name.as_ptr());
            if vfs.is_null() { ffi::SQLITE_NOTFOUND } else { ffi::sqlite3_vfs_register(vfs, 1) }
        };
        assert_eq!(moved, ffi::SQLITE_OK, "the VFS is registered");
    }

    /// Counts from 0 again; with a fault, the point of this number fails, the first being 1.
    pub fn arm(&self, fault: Option<(u64, Fault)>) {
        *self.plan() = Plan { fault, ..Plan::default() };
    }

    /// How many points were passed since, and how many of them failed.
    #[must_use]
    pub fn passed(&self) -> (u64, u64) {
        let plan = self.plan();
        (plan.passed, plan.hits)
    }

    /// The answer for an operation on a plain file.
    #[must_use]
    pub fn file(&self, op: FileOp) -> FileAnswer {
        let op = match op {
            FileOp::Open => Op::Open,
            FileOp::Read => Op::Read,
            FileOp::Write => Op::Write,
            FileOp::Truncate => Op::Truncate,
            FileOp::Sync => Op::Sync,
            FileOp::Rename | FileOp::Remove => Op::Delete,
        };
        match self.answer(op) {
            Answer::Pass => FileAnswer::Pass,
            Answer::Half => FileAnswer::Half,
            Answer::Fail(ffi::SQLITE_FULL) => FileAnswer::Full,
            Answer::Fail(_) => FileAnswer::Fail,
        }
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn answer(&self, op: Op) -> Answer {
        let mut plan = self.plan();
        plan.passed += 1;
        let Some((at, fault)) = plan.fault else { return Answer::Pass };
        let (is_first, is_from) = (plan.hits == 0, plan.passed >= at);
        let answer = match fault {
            Fault::Once if plan.passed == at => Answer::Fail(code(op)),
            Fault::ForEver if is_from => Answer::Fail(code(op)),
            Fault::HalfWrite if is_from && is_first && op == Op::Write => Answer::Half,
            Fault::Full if is_from && op == Op::Write => Answer::Fail(ffi::SQLITE_FULL),
            Fault::Sync if is_from && is_first && op == Op::Sync => Answer::Fail(code(op)),
            _ => return Answer::Pass,
        };
        plan.hits += 1;
        answer
    }
}

fn code(op: Op) -> c_int {
    match op {
        Op::Open => ffi::SQLITE_CANTOPEN,
        Op::Read => ffi::SQLITE_IOERR_READ,
        Op::Write => ffi::SQLITE_IOERR_WRITE,
        Op::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
        Op::Sync => ffi::SQLITE_IOERR_FSYNC,
        Op::Delete => ffi::SQLITE_IOERR_DELETE,
    }
}

/// The start of each open file; the real one follows it in the memory that SQLite gave.
#[repr(C, align(8))]
struct File {
    base: ffi::sqlite3_file,
    vfs: &'static FaultVfs,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite calls with the VFS that `register` made, and a file of `szOsFile` bytes, aligned to 8.
    unsafe {
        let this: &'static FaultVfs = &*(*vfs).pAppData.cast::<FaultVfs>();
        (*file).pMethods = std::ptr::null(); // SQLite closes nothing that was not opened.
        if let Answer::Fail(code) = this.answer(Op::Open) {
            return code;
        }
        let real_file = file.cast::<File>().add(1).cast::<ffi::sqlite3_file>();
        (*real_file).pMethods = std::ptr::null();
        let Some(open) = (*this.real).xOpen else { return ffi::SQLITE_CANTOPEN };
        let opened = open(this.real, name, real_file, flags, out_flags);
        if opened == ffi::SQLITE_OK {
            file.cast::<File>().write(File { base: ffi::sqlite3_file { pMethods: &raw const METHODS }, vfs: this });
        }
        opened
    }
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: as in `open`.
    unsafe {
        let this: &'static FaultVfs = &*(*vfs).pAppData.cast::<FaultVfs>();
        match (this.answer(Op::Delete), (*this.real).xDelete) {
            (Answer::Pass, Some(delete)) => delete(this.real, name, sync),
            _ => ffi::SQLITE_IOERR_DELETE,
        }
    }
}

/// The plan and the real file behind one that `open` made.
///
/// # Safety
/// The file was opened by `open`.
unsafe fn inner(file: *mut ffi::sqlite3_file) -> (&'static FaultVfs, *mut ffi::sqlite3_file) {
    // SAFETY: by the promise above.
    unsafe { ((*file.cast::<File>()).vfs, file.cast::<File>().add(1).cast()) }
}

/// Passes a call on to the real file; where it has no such method, that is an error.
macro_rules! pass {
    ($file:expr, $method:ident, $none:expr $(, $arg:expr)*) => {{
        // SAFETY: SQLite calls with a file that `open` made and has not closed, and with what the real method asks for.
        unsafe {
            let (_, real) = inner($file);
            match (*(*real).pMethods).$method {
                Some(method) => method(real $(, $arg)*),
                None => $none,
            }
        }
    }};
}

/// The answer for one operation of a file.
fn ask(file: *mut ffi::sqlite3_file, op: Op) -> Answer {
    // SAFETY: only called with the file that SQLite handed to one of the methods below.
    unsafe { inner(file).0 }.answer(op)
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(file, xClose, ffi::SQLITE_OK)
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, to: *mut c_void, len: c_int, at: ffi::sqlite3_int64) -> c_int {
    match ask(file, Op::Read) {
        Answer::Fail(code) => code,
        _ => pass!(file, xRead, ffi::SQLITE_IOERR, to, len, at),
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    len: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    match ask(file, Op::Write) {
        Answer::Fail(code) => code,
        Answer::Half => {
            let _ = pass!(file, xWrite, ffi::SQLITE_IOERR, from, len / 2, at);
            ffi::SQLITE_IOERR_WRITE
        }
        Answer::Pass => pass!(file, xWrite, ffi::SQLITE_IOERR, from, len, at),
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: ffi::sqlite3_int64) -> c_int {
    match ask(file, Op::Truncate) {
        Answer::Fail(code) => code,
        _ => pass!(file, xTruncate, ffi::SQLITE_IOERR, len),
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    match ask(file, Op::Sync) {
        Answer::Fail(code) => code,
        _ => ffi::SQLITE_OK,
    }
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut ffi::sqlite3_int64) -> c_int {
    pass!(file, xFileSize, ffi::SQLITE_IOERR, size)
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass!(file, xLock, ffi::SQLITE_IOERR, level)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass!(file, xUnlock, ffi::SQLITE_IOERR, level)
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, is_reserved: *mut c_int) -> c_int {
    pass!(file, xCheckReservedLock, ffi::SQLITE_IOERR, is_reserved)
}

unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, what: c_int, arg: *mut c_void) -> c_int {
    pass!(file, xFileControl, ffi::SQLITE_NOTFOUND, what, arg)
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(file, xSectorSize, 4_096)
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(file, xDeviceCharacteristics, 0)
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    page_size: c_int,
    extend: c_int,
    to: *mut *mut c_void,
) -> c_int {
    pass!(file, xShmMap, ffi::SQLITE_IOERR, page, page_size, extend, to)
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, offset: c_int, len: c_int, flags: c_int) -> c_int {
    pass!(file, xShmLock, ffi::SQLITE_IOERR, offset, len, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    pass!(file, xShmBarrier, ());
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, remove: c_int) -> c_int {
    pass!(file, xShmUnmap, ffi::SQLITE_OK, remove)
}
