//! Events that are declared once: a name, a payload, and what clients acknowledge them with.

use std::{collections::HashSet, panic::Location};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    description::BodyDescription,
    socket::server::Own,
    wire::{OneArgument, Payload, Shape},
};

/// An event that clients are sent, declared once: a struct or an enum with `#[derive(Event)]`, whose value is the
/// payload. Its name is written nowhere else, and wherever it is sent, the compiler knows its type.
///
/// | `#[event(..)]` | |
/// |---|---|
/// | `"new-message"` | the name that clients listen to |
/// | `ack = T` | clients acknowledge it, with a `T`: [`Socket::request`](crate::Socket::request) waits for that. `()` is an empty acknowledgement, a tuple takes several arguments |
/// | `args` | each field of a tuple struct is an argument of its own, as those of [`Args`](crate::Args) |
/// | `crate = path` | where gateway-core is, if it is a re-export |
///
/// A gateway that lists its events in [`emits(..)`](macro@crate::web_socket_gateway) is held to them: a `Server<G>` sends no
/// others, and the contract that is made of them tells clients what to expect. A unit struct is sent without arguments.
///
/// ```
/// # mod app {
/// use gateway_core::prelude::*;
/// use serde::{Deserialize, Serialize};
///
/// /// Somebody said something in a room.
/// #[derive(Serialize, Event)]
/// #[serde(rename_all = "camelCase")]
/// #[event("new-message")]
/// pub struct NewMessage<'a> {
///     room_id: &'a str,
///     content: &'a str,
/// }
///
/// #[derive(Deserialize)]
/// pub struct Receipt {
///     read: bool,
/// }
///
/// /// Comes again until it is acknowledged.
/// #[derive(Serialize, Event)]
/// #[event("parcel", ack = Receipt)]
/// pub struct Parcel(u64);
///
/// #[web_socket_gateway(namespace = "/chat", emits(NewMessage<'_>, Parcel))]
/// pub struct ChatGateway {
///     server: Server<Self>,
/// }
///
/// impl ChatGateway {
///     async fn say(&self, room_id: &str, content: &str) -> Result<(), EmitError> {
///         self.server.to(room_id).send(&NewMessage { room_id, content }).await
///     }
/// }
///
/// async fn deliver(socket: &Socket) -> Result<bool, AckError> {
///     let receipt = socket.request(&Parcel(7)).await?.answer().await?;
///     Ok(receipt.read)
/// }
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a declared event",
    label = "this does not say by which name clients know it",
    note = "write `#[derive(Event)] #[event(\"new-message\")]` above `{Self}`, with the name that clients listen to; \
            `emit(\"new-message\", ..)` sends any payload"
)]
pub trait Event: Serialize {
    /// The name that clients listen to.
    const NAME: &'static str;

    /// Its doc comment.
    #[doc(hidden)]
    const DOCS: &'static str;

    /// Where it is declared.
    #[doc(hidden)]
    const PLACE: Place;

    /// How many arguments it becomes.
    #[doc(hidden)]
    const SHAPE: Shape;

    /// For the contract.
    #[doc(hidden)]
    fn described() -> BodyDescription;

    /// How it becomes arguments.
    #[doc(hidden)]
    type Sent<'a>: Payload
    where
        Self: 'a;

    /// The arguments.
    #[doc(hidden)]
    fn sent(&self) -> Self::Sent<'_>;
}

/// An [`Event`] that clients acknowledge: one with `ack = T` in its `#[event(..)]`.
///
/// ```
/// use std::time::Duration;
///
/// use gateway_core::{AckError, Acknowledged, Socket};
///
/// /// For people who may have to look for their phone first.
/// async fn ask_patiently<E: Acknowledged + Sync>(
///     socket: &Socket,
///     event: &E,
/// ) -> Result<E::Ack, AckError> {
///     socket.request(event).await?.within(Duration::from_secs(60)).answer().await
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "clients do not acknowledge `{Self}`",
    label = "this event does not say what it is acknowledged with",
    note = "say so where it is declared: `#[event(\"..\", ack = T)]`, with `()` for an empty acknowledgement; or `send` it, \
            which waits for no answer"
)]
pub trait Acknowledged: Event {
    /// What clients acknowledge it with.
    type Ack: DeserializeOwned;
}

/// That the gateway `G` lists the event in its `emits(..)`.
///
/// The event and not the gateway has the trait: if a gateway lists one event, the compiler would take every other for a
/// mistake in its type.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{G}` does not emit `{Self}`; add it to `emits(..)`",
    label = "this event is not one of those that `{G}` lists",
    note = "write `#[web_socket_gateway(.., emits({Self}))]` above `struct {G}`, beside the events that are there"
)]
pub trait EmittedBy<G> {}

/// A server that does not say whose it is may send anything.
impl<E: ?Sized> EmittedBy<Own> for E {}

/// A line of the application's source.
#[doc(hidden)]
pub type Place = &'static Location<'static>;

/// The line in which generated code has this call.
#[doc(hidden)]
#[must_use]
#[track_caller]
pub const fn here() -> Place {
    Location::caller()
}

/// An event that a gateway lists.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed {
    pub(crate) name: &'static str,
    /// Its type's path.
    pub(crate) of: &'static str,
    pub(crate) declared: Place,
}

/// The events that a gateway emits, if it lists them.
#[derive(Debug, Default)]
pub(crate) struct ListedEvents(HashSet<&'static str>);

impl ListedEvents {
    pub(crate) fn new(events: impl IntoIterator<Item = Listed>) -> Self {
        Self(events.into_iter().map(|event| event.name).collect())
    }

    /// Events of these names.
    #[cfg(test)]
    pub(crate) fn of<const N: usize>(names: [&'static str; N]) -> Self {
        Self(names.into())
    }

    /// Whether the gateway lists events, but not this one.
    pub(crate) fn misses(&self, event: &str) -> bool {
        !self.0.is_empty() && !self.0.contains(event)
    }
}

/// All of an event as one argument.
#[doc(hidden)]
#[derive(Debug)]
pub struct Whole<'a, E>(pub &'a E);

impl<E: Event> Payload for Whole<'_, E> {
    type Wire<'a>
        = OneArgument<'a, E>
    where
        Self: 'a;

    fn wire(&self) -> OneArgument<'_, E> {
        OneArgument::of(self.0)
    }
}

/// The fields of a tuple struct as arguments.
#[doc(hidden)]
#[derive(Debug)]
pub struct InOrder<'a, E>(pub &'a E);

impl<E: Event> Payload for InOrder<'_, E> {
    type Wire<'a>
        = &'a E
    where
        Self: 'a;

    fn wire(&self) -> &E {
        self.0
    }
}
