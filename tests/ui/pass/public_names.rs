//! Every name that the crate promises, and that it can be named where generic code needs it.
#![deny(warnings)]
#![allow(unused_imports)]

use gateway_core::{
    Ack, AckError, Acks, App, AppBuilder, AppError, Args, Argument, ArgumentList, ArgumentMetadata,
    Arguments, AsyncResult, Authenticated, Authenticator, AvailableSockets, Binary, BoundApp,
    Broadcast, Bytes, DisconnectReason, EmitError, ErrorReply, Event, ExceptionFilter,
    ExecutionContext, Fetched, FieldError, FromMessage, Gateway, Guard, Handshake, Identity,
    Inject, Injectable, Interceptor, InvalidKey, InvalidSocketId, JoinError, JwtAuthenticator,
    JwtService, Limits, Logging, MessageBody, Missed, Next, Number, OnPresence, OnlineUsers,
    Overflow, Payload, PendingAck, Pipe, Presence, PresenceChange, PresenceChanges, PresenceError,
    RemoteSocket, Reply, RequestError, Roles, Rooms, Rules, Server, ServerSideAnswers,
    ServerSideEvents, ServerSideRequest, Sessions, Socket, SocketData, SocketId, SocketsError,
    StreamItem, Throttle, Timeout, Transport, Valid, WsException, WsResponse, WsStream, after_init,
    code, defaults, garde, injectable, occasion, on_connection, on_disconnect, set_metadata,
    stop_signal, subscribe_message, use_filters, use_guards, use_interceptors, use_pipes,
    web_socket_gateway,
};

/// Bounds that applications write in code of their own.
pub mod bounds {
    use gateway_core::*;

    pub fn expecting<G: Gateway>(builder: AppBuilder) -> AppBuilder {
        builder.expect::<G>()
    }

    pub fn authenticated<A: Authenticator + Injectable>(builder: AppBuilder) -> AppBuilder {
        builder.authenticate::<A>()
    }

    pub async fn fetched<U: Fetched>(
        server: &Server,
        rooms: impl Rooms,
    ) -> Result<usize, SocketsError> {
        Ok(server.to(rooms).fetch_sockets::<U>().await?.len())
    }

    pub fn broken<T: Rules>(value: &T) -> usize {
        value.broken().len()
    }

    pub async fn emitted<T: Payload>(socket: &Socket, value: T) -> Result<(), EmitError> {
        socket.emit("value", value).await
    }

    pub async fn awaited<T>(result: impl AsyncResult<T>) -> Result<T, WsException> {
        result.await
    }

    pub fn spread<T: ArgumentList>(list: T) -> Args<T> {
        Args(list)
    }
}

/// What will grow: a match that lists all there is today goes on compiling.
pub fn described(transport: Transport, reason: DisconnectReason) -> &'static str {
    match (transport, reason) {
        (Transport::Polling, _) => "polling",
        (Transport::Websocket, DisconnectReason::TransportClose) => "closed",
        _ => "something else",
    }
}

/// Likewise of an argument.
pub fn is_text(argument: &Argument) -> bool {
    match argument {
        Argument::String(_) => true,
        Argument::Null | Argument::Bool(_) | Argument::Number(_) | Argument::Binary(_) => false,
        Argument::Array(_) | Argument::Object(_) => false,
        _ => false,
    }
}

/// An error of one's own from each of the crate's.
#[derive(Debug)]
pub struct Failure(pub Box<dyn std::error::Error + Send + Sync>);

macro_rules! from_each {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self(Box::new(error))
            }
        })*
    };
}

from_each!(
    AckError,
    EmitError,
    InvalidKey,
    InvalidSocketId,
    JoinError,
    PresenceError,
    RequestError,
    SocketsError
);

/// By the prelude alone.
pub mod prelude {
    use gateway_core::prelude::*;

    pub fn named(builder: AppBuilder, argument: Argument) -> (AppBuilder, Argument, &'static str) {
        (builder, argument, code::INTERNAL)
    }
}

/// Beside axum's globs: the one that is meant is imported by itself.
pub mod globs {
    use axum::middleware::*;
    use gateway_core::prelude::{Next, *};

    pub async fn handled(next: Next<'_>) -> Result<Reply, WsException> {
        next.handle().await
    }
}

fn main() {}
