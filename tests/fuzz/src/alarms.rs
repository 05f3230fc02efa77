//! What must not happen anywhere while a target runs, whoever would catch it: a panic, a line of the log
//! that admits a bug, a line that repeats too much of what a client sent.

use std::io;
use std::panic::{set_hook, take_hook};
use std::sync::{Mutex, Once, PoisonError};

use tracing_subscriber::EnvFilter;

/// Bytes of a line. Clients choose several words of one, each of which is cut.
const LINE_MAX: usize = 4_096;

static RAISED: Mutex<Option<String>> = Mutex::new(None);

/// Begins to watch. Once is enough.
pub(crate) fn arm() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            raise(format!("a panic: {panic}"));
            before(panic);
        }));
        let filter = EnvFilter::new("gateway_core=debug,warn");
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Lines).init();
    });
}

/// # Panics
/// Where something was noticed since the last time.
pub(crate) fn check() {
    let raised = RAISED.lock().unwrap_or_else(PoisonError::into_inner).take();
    assert!(raised.is_none(), "{}", raised.unwrap_or_default());
}

fn raise(alarm: String) {
    RAISED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(alarm);
}

/// Reads the log, a line at a time.
struct Lines;

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if line.len() > LINE_MAX {
            raise(format!("a line of {} bytes in the log", line.len()));
        }
        let text = String::from_utf8_lossy(line);
        if text.contains("this is a bug") {
            raise(format!("in the log: {text}"));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
