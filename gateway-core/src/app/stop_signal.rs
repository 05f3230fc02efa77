//! When the process is asked to stop.

use std::{
    future::Future,
    io, process,
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use tokio::{runtime, sync::watch};
use tokio_util::sync::CancellationToken;

use super::error::FORCED;
use crate::clock;

/// What the listening thread shares with everybody who waits.
#[derive(Clone)]
struct Listening {
    asked: CancellationToken,
    /// How long the process may take to finish after the signal.
    within: watch::Sender<Duration>,
}

/// The process has one thread that listens, however many wait.
static LISTENING: Mutex<Option<Listening>> = Mutex::new(None);

/// Resolves when the process is asked to stop, by SIGTERM or Ctrl-C, for
/// [`BoundApp::serve_until`](crate::BoundApp::serve_until). It listens from the call on, and not only once it is
/// awaited.
///
/// Once the signal arrives, the process has `within` to finish. After that, or at once if it is asked a second
/// time, it is ended with exit code 70. This covers what nothing else ends: a handler that blocks its thread, or
/// a runtime that waits for one. A thread of its own therefore listens and keeps the time.
///
/// If this is called again, it waits for the same signal, and the longest of the times counts.
///
/// # Errors
/// If the system refuses to start the thread, or to deliver signals.
///
/// ```no_run
/// use std::{process::ExitCode, time::Duration};
/// use gateway_core::prelude::*;
///
/// #[tokio::main]
/// async fn main() -> ExitCode {
///     gateway_core::exit_code(run().await)
/// }
///
/// async fn run() -> Result<(), AppError> {
///     let drain = Duration::from_secs(10);
///     let stop = gateway_core::stop_signal(drain)?;
///     let app = App::builder().drain_timeout(drain).build().await?;
///     app.bind("127.0.0.1:3000").await?.serve_until(stop).await
/// }
/// ```
pub fn stop_signal(within: Duration) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
    let asked = match &*listening {
        Some(listening) => {
            listening.within.send_if_modified(|longest| {
                let is_longer = within > *longest;
                *longest = within.max(*longest);
                is_longer
            });
            listening.asked.clone()
        }
        None => listening.insert(listen(within)?).asked.clone(),
    };
    Ok(async move { asked.cancelled().await })
}

/// Starts the thread, and waits until it listens.
fn listen(within: Duration) -> io::Result<Listening> {
    let listening = Listening { asked: CancellationToken::new(), within: watch::channel(within).0 };
    let (report, reported) = mpsc::channel();
    let shared = listening.clone();
    thread::Builder::new().name("stop-signal".to_owned()).spawn(move || {
        // Built and dropped on this thread, where no other runtime is entered.
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(report.send(Err(error))),
        };
        runtime.block_on(async {
            let mut signals = match Signals::listen() {
                Ok(signals) => signals,
                Err(error) => return drop(report.send(Err(error))),
            };
            report.send(Ok(())).ok();
            signals.next().await;
            tracing::info!("asked to stop");
            shared.asked.cancel();
            tokio::select! {
                () = signals.next() => tracing::warn!("asked to stop again: ending at once"),
                () = over(shared.within.subscribe()) => {
                    tracing::error!("shutdown deadline exceeded: ending by force");
                }
            }
            process::exit(FORCED.into());
        });
    })?;
    // The thread reports before it does anything else.
    reported.recv().unwrap_or_else(|_| Err(io::Error::other("the thread for signals ended")))?;
    Ok(listening)
}

/// Resolves when the longest of the requested times is over.
async fn over(mut within: watch::Receiver<Duration>) {
    let begun = clock::now();
    loop {
        let deadline = clock::later(begun, *within.borrow_and_update());
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => return,
            _ = within.changed() => {}
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
        Ok(Self { interrupt: signal(interrupt)?, terminate: signal(terminate)? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
