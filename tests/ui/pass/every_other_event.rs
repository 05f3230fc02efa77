//! One handler for all events that have none of their own takes whatever other handlers take.
#![deny(warnings)]

use gateway_core::prelude::*;

#[web_socket_gateway]
pub struct ProxyGateway;

#[web_socket_gateway]
impl ProxyGateway {
    #[subscribe_message("ping")]
    async fn ping(&self) {}

    #[subscribe_message(_, serial)]
    #[use_guards(Roles::any(["proxy"]))]
    async fn any(
        &self,
        EventName(name): EventName,
        socket: Socket,
        MessageBody(arguments): MessageBody<Arguments>,
    ) -> Result<Args<Arguments>, WsException> {
        socket.broadcast().emit(&name, Args(arguments.clone())).await?;
        Ok(Args(arguments))
    }
}

#[web_socket_gateway(namespace = "/alternatives")]
pub struct Alternatives;

#[web_socket_gateway]
impl Alternatives {
    #[cfg(all())]
    #[subscribe_message(_)]
    async fn here(&self) {}

    #[cfg(not(all()))]
    #[subscribe_message(_)]
    async fn elsewhere(&self) {}
}

fn main() {}
