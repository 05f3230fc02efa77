//! [`SentEvents`]: what the application has sent, and to whom.

use std::{
    fmt,
    marker::PhantomData,
    ops::Deref,
    sync::{Mutex, PoisonError},
};

use gateway_core::{EncodedArguments, Event, Observer, Target, testing::Received};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Writes down what is sent.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Vec<SentEvent>>);

impl Recorder {
    pub(crate) fn sent<E>(&self, event: &str) -> SentEvents<E> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = all.iter().filter(|one| one.event == event).cloned().collect();
        SentEvents { sent, declared: PhantomData }
    }
}

impl Observer for Recorder {
    fn sent(&self, target: &Target<'_>, event: &str, arguments: &EncodedArguments<'_>) {
        let owned = |names: &mut dyn Iterator<Item = &str>| names.map(str::to_owned).collect();
        let sent = SentEvent {
            namespace: target.namespace().to_owned(),
            event: event.to_owned(),
            socket: target.socket().map(|socket| socket.id().to_string()),
            is_to_everyone: target.is_everyone(),
            rooms: owned(&mut target.rooms()),
            users: owned(&mut target.users()),
            except: owned(&mut target.except()),
            arguments: Received {
                text: format!("[{}]", arguments.text()),
                attachments: arguments.attachments().to_vec(),
                has_event: false,
            },
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
    }
}

/// An event that the application has sent: to whom, as it was said, and with which arguments.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SentEvent {
    /// The namespace's path.
    pub namespace: String,
    /// The event's name.
    pub event: String,
    /// The id of the socket, if it was sent to one.
    pub socket: Option<String>,
    /// Whether it was sent to the whole namespace, save the exceptions.
    pub is_to_everyone: bool,
    /// The rooms whose members it was sent to.
    pub rooms: Vec<String>,
    /// The users it was sent to, by their ids.
    pub users: Vec<String>,
    /// The rooms whose members it was not sent to.
    pub except: Vec<String>,
    arguments: Received,
}

impl SentEvent {
    /// Reads its arguments as a `T`: several are a tuple, none is `()`.
    ///
    /// # Panics
    /// If they are no `T`.
    #[must_use]
    #[track_caller]
    pub fn read<T: DeserializeOwned>(&self) -> T {
        self.arguments.read().unwrap_or_else(|error| self.is_no::<T>(&error))
    }

    #[track_caller]
    fn is_no<T>(&self, error: &str) -> ! {
        let (event, wanted) = (&self.event, std::any::type_name::<T>());
        panic!("`{event}` is no `{wanted}`: {error}; it is {}", self.arguments.shown())
    }

    /// Its arguments as JSON: the only one, or an array of several. What is binary has its length in bytes instead.
    #[must_use]
    pub fn arguments(&self) -> Value {
        self.arguments.shown()
    }
}

/// Events of one name that the application has sent, oldest first: a slice of [`SentEvent`]s. Returned by
/// [`TestApp::sent`](crate::TestApp::sent) and [`TestApp::sent_event`](crate::TestApp::sent_event).
pub struct SentEvents<E = ()> {
    sent: Vec<SentEvent>,
    declared: PhantomData<fn() -> E>,
}

impl<E: Event + DeserializeOwned> SentEvents<E> {
    /// What they said.
    ///
    /// # Panics
    /// If one of them cannot be read.
    #[must_use]
    #[track_caller]
    pub fn read(&self) -> Vec<E> {
        let read = |one: &SentEvent| {
            one.arguments.read_event().unwrap_or_else(|error| one.is_no::<E>(&error))
        };
        self.sent.iter().map(read).collect()
    }
}

impl<E> SentEvents<E> {
    /// Those that were sent to this user, as `server.user(id)` does.
    #[must_use]
    pub fn to_user(self, id: impl fmt::Display) -> Self {
        let id = id.to_string();
        self.that(|one| one.users.contains(&id))
    }

    /// Those that were sent to this room, as `server.to(room)` does.
    #[must_use]
    pub fn to_room(self, room: &str) -> Self {
        self.that(|one| one.rooms.iter().any(|own| own == room))
    }

    /// Those that were sent to this socket alone, as `socket.emit(..)` does, and replies.
    #[must_use]
    pub fn to_socket(self, id: &str) -> Self {
        self.that(|one| one.socket.as_deref() == Some(id))
    }

    /// Those that were sent to the whole namespace, as `server.emit(..)` does.
    #[must_use]
    pub fn to_everyone(self) -> Self {
        self.that(|one| one.is_to_everyone)
    }

    fn that(mut self, is_it: impl Fn(&SentEvent) -> bool) -> Self {
        self.sent.retain(is_it);
        self
    }
}

impl<E> Deref for SentEvents<E> {
    type Target = [SentEvent];

    fn deref(&self) -> &[SentEvent] {
        &self.sent
    }
}

impl<E> Clone for SentEvents<E> {
    fn clone(&self) -> Self {
        Self { sent: self.sent.clone(), declared: PhantomData }
    }
}

impl<E> fmt::Debug for SentEvents<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sent.fmt(formatter)
    }
}
