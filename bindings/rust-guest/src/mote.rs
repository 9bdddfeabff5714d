// SPDX-License-Identifier: Apache-2.0
//! As much of mote_guest.h as this guest needs.

/// mote_string: counted text of somebody else.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MoteString {
    data: *const u8,
    size: usize,
}

extern "C" {
    fn mote_serve() -> i32;
    fn mote_fail(code: u32, text: *const u8, size: usize);
    fn mote_abort(code: u32, text: *const u8, size: usize) -> !;
}

impl MoteString {
    /// The bytes, which the host owns until the export returns. An argument may be NULL when empty.
    pub fn bytes(&self) -> &[u8] {
        if self.size == 0 {
            return &[];
        }
        // SAFETY: arguments lie in the mailbox, whole, while the export runs.
        unsafe { std::slice::from_raw_parts(self.data, self.size) }
    }

    /// Text that the host reads after the export has returned; it is never freed, since the
    /// sandbox is thought to be reset.
    pub fn leak(text: String) -> Self {
        let text = Box::leak(text.into_boxed_str());
        MoteString { data: text.as_ptr(), size: text.len() }
    }
}

/// Makes the export that runs fail when it returns.
pub fn fail(code: u32, text: &str) {
    // SAFETY: the text is copied before it returns.
    unsafe { mote_fail(code, text.as_ptr(), text.len()) }
}

/// Ends the call with a text.
pub fn abort(text: &str) -> ! {
    // SAFETY: it does not return.
    unsafe { mote_abort(0, text.as_ptr(), text.len()) }
}

/// Serves calls for ever; a panic ends the call as an abort with its text. Returns at once when the
/// program does not run in mote.
pub fn serve() {
    std::panic::set_hook(Box::new(|info| abort(&info.to_string())));
    // SAFETY: it takes nothing.
    unsafe { mote_serve() };
}
