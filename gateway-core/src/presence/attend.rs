//! When a connection counts as a device of its user.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use super::{PresenceError, store::Device};
use crate::connection::Connection;

/// What a connection is to its gateway's presence: nothing, until it has arrived.
pub(crate) type Attendance = OnceLock<Box<Attendee>>;

#[derive(Debug)]
pub(crate) struct Attendee {
    user: String,
    device: Device,
}

static DEVICES: AtomicU64 = AtomicU64::new(0);

impl Connection {
    /// Counts the client among the devices of its user, where the gateway keeps presence. One that
    /// has gone by now does not count.
    pub(crate) async fn arrive(&self) -> Result<(), PresenceError> {
        let (Some(store), Some(announcer)) =
            (self.namespace().presence(), &self.gateway().announcer)
        else {
            return Ok(());
        };
        if self.is_closed() {
            return Ok(());
        }
        let session = self.session();
        let user = session.as_ref().and_then(|session| session.user());
        let user = announcer.name(user.ok_or(PresenceError::NoUser)?)?;
        let number = DEVICES.fetch_add(1, Ordering::Relaxed);
        let device = Device { number, socket: self.id() };
        // Before the store knows: what is interrupted while it arrives must leave, too.
        let attendee = self.attendance.get_or_init(|| Box::new(Attendee { user, device }));
        store.arrive(&attendee.user, attendee.device).await
    }

    /// The client counts no longer. Not called before `arrive` has ended, one way or the other.
    pub(crate) async fn leave_presence(&self) {
        let (Some(store), Some(attendee)) = (self.namespace().presence(), self.attendance.get())
        else {
            return;
        };
        if let Err(error) = store.leave(&attendee.user, attendee.device).await {
            tracing::error!(
                namespace = self.namespace().path(),
                user = attendee.user,
                %error,
                "a device that left still counts"
            );
        }
    }
}
