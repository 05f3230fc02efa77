//! When a connection counts as a device of its user.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    excerpt,
    log_limiter::LogLimiter,
    presence::{Announcer, Device, PresenceError, PresenceStore},
    socket::connection::Connection,
};

/// The presence that a gateway keeps.
pub(crate) struct GatewayPresence {
    pub(crate) store: Arc<dyn PresenceStore>,
    /// What announces it.
    pub(crate) announcer: Arc<dyn Announcer>,
}

/// What a connection is to its gateway's presence: nothing, until it has arrived.
pub(crate) type Attendance = OnceLock<Box<Attendee>>;

#[derive(Debug)]
pub(crate) struct Attendee {
    user: String,
    device: Device,
}

static DEVICES: AtomicU64 = AtomicU64::new(0);

impl GatewayPresence {
    /// Counts the client among its user's devices, unless it has already left.
    pub(super) async fn arrive(
        &self,
        connection: &Connection,
        attendance: &Attendance,
    ) -> Result<(), PresenceError> {
        if connection.is_closed() {
            return Ok(());
        }
        let session = connection.session();
        let user = session.as_ref().and_then(|session| session.user());
        let user = self.announcer.name(user.ok_or(PresenceError::NoUser)?)?;
        // Only the number must be unique; nothing is ordered by it.
        let number = DEVICES.fetch_add(1, Ordering::Relaxed);
        let device = Device { number, socket: connection.id() };
        // Before the store knows: what is interrupted while it arrives must leave, too.
        let attendee = attendance.get_or_init(|| Box::new(Attendee { user, device }));
        self.store.arrive(&attendee.user, attendee.device).await
    }

    /// Stops counting the client. Not called before `arrive` has ended, one way or another.
    pub(super) async fn leave(&self, connection: &Connection, attendance: &Attendance) {
        let Some(attendee) = attendance.get() else { return };
        static LINES: LogLimiter = LogLimiter::of(10);
        if let Err(error) = self.store.leave(&attendee.user, attendee.device).await
            && let Some(times) = LINES.count()
        {
            tracing::error!(
                namespace = connection.namespace().path(),
                user = excerpt::logged(&attendee.user),
                error = excerpt::logged(error),
                times,
                "could not mark a device as gone"
            );
        }
    }
}
