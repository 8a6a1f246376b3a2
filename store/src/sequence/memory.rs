//! Hints about memory: what will be read soon, and what is worth large pages.
//!
//! A book of a million threads is touched at random: nearly each access misses the caches of the processor, and with
//! pages of 4 KiB its cache of addresses too.

/// Areas below this are not worth large pages.
const LARGE_BYTES_MIN: usize = 4 << 20;

/// Whether [`prefetch`] does anything here.
pub(super) const CAN_PREFETCH: bool = cfg!(target_arch = "x86_64");

/// Asks for memory that will be read soon.
#[inline]
pub(super) fn prefetch<T>(address: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start = std::ptr::from_ref(address).cast::<i8>();
        for line in 0..size_of::<T>().div_ceil(64) {
            // SAFETY: a hint about memory that is there.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(line * 64)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Asks the operating system to back the room of a vector with large pages, before it is used.
pub(super) fn want_large_pages<T>(room: &Vec<T>) {
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 4096;
        let bytes = room.capacity() * size_of::<T>();
        if bytes < LARGE_BYTES_MIN {
            return;
        }
        let start = room.as_ptr() as usize;
        let (first, end) = (start.next_multiple_of(PAGE), (start + bytes) / PAGE * PAGE);
        // SAFETY: the pages lie within the vector's room, and the advice changes nothing of what is in them. That it
        // cannot be followed is no error.
        unsafe {
            libc::madvise(first as *mut libc::c_void, end - first, libc::MADV_HUGEPAGE);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (room, LARGE_BYTES_MIN);
}
