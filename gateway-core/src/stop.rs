//! When the process is asked to stop.

use std::{future::Future, io, process, thread, time::Duration};

use tokio::{runtime, sync::oneshot};

/// Resolves when the process is asked to stop, by SIGTERM or ctrl-c: for
/// [`BoundApp::serve_until`](crate::BoundApp::serve_until). It listens from the call on, and not only
/// once it is awaited.
///
/// From the signal on the process has the time `within` to end by itself; after it, it is ended, with
/// exit code 0. That is for what nothing else ends: a handler that blocks its thread, a runtime that
/// waits for one. So this listens, and counts, on a thread of its own.
///
/// # Errors
/// When the system lets nobody listen.
///
/// ```no_run
/// use std::time::Duration;
/// use gateway_core::prelude::*;
///
/// #[tokio::main]
/// async fn main() -> Result<(), AppError> {
///     let drain = Duration::from_secs(10);
///     let stop = gateway_core::stop_signal(drain)?;
///     let app = App::builder().drain_timeout(drain).build().await?;
///     app.bind("127.0.0.1:3000").await?.serve_until(stop).await
/// }
/// ```
pub fn stop_signal(within: Duration) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let signal = {
        let _inside = runtime.enter();
        signal()?
    };
    let (ask, asked) = oneshot::channel();
    thread::Builder::new().name("stop-signal".to_owned()).spawn(move || {
        runtime.block_on(async {
            signal.await;
            tracing::info!("asked to stop");
            ask.send(()).ok();
            tokio::time::sleep(within).await;
        });
        tracing::error!("something keeps the process from ending; it is ended now");
        process::exit(0);
    })?;
    Ok(async {
        if asked.await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

#[cfg(unix)]
fn signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
