// `#[use_..]` and `#[set_metadata]` above and below, on the struct, on methods and on hooks; types,
// expressions, constants.
#![deny(warnings)]

use gateway_core::{Argument, prelude::*};
use std::time::Duration;

#[injectable]
pub struct Members;

impl Guard for Members {
    async fn can_activate(&self, context: &ExecutionContext) -> Result<bool, WsException> {
        Ok(context.event() != "secret")
    }
}

const MEMBERS: Members = Members;

#[injectable]
pub struct Timing;

impl Interceptor for Timing {
    async fn intercept(&self, _: &ExecutionContext, next: Next<'_>) -> Result<Reply, WsException> {
        next.handle().await
    }
}

pub struct Trim {
    both: bool,
}

impl Pipe for Trim {
    async fn transform(
        &self,
        value: Argument,
        _: &ArgumentMetadata<'_>,
    ) -> Result<Argument, WsException> {
        Ok(value)
    }
}

impl Trim {
    fn both() -> Self {
        Self { both: true }
    }
}

pub struct Parse<T>(std::marker::PhantomData<T>);

impl<T: Send + Sync + 'static> Pipe for Parse<T> {
    async fn transform(
        &self,
        value: Argument,
        _: &ArgumentMetadata<'_>,
    ) -> Result<Argument, WsException> {
        Ok(value)
    }
}

#[injectable]
pub struct Translate;

impl ExceptionFilter for Translate {
    type Catch = WsException;
    type Body = String;

    async fn catch(
        &self,
        exception: &WsException,
        _: &ExecutionContext,
    ) -> Result<ErrorReply<String>, WsException> {
        Ok(ErrorReply::new("error", &exception.message().to_owned()))
    }
}

pub struct Needs(pub &'static str);

pub struct Cost {
    pub units: u32,
}

#[use_guards(Members)]
#[set_metadata(Needs("member"))]
/// Documented.
#[use_interceptors(Timing)]
#[web_socket_gateway(namespace = "/chat")]
#[use_guards((MEMBERS), Roles::any(["admin"]), Roles::all(["admin", "owner"]), crate::Members)]
#[use_interceptors(Logging, Timeout::after(Duration::from_secs(5)))]
#[use_pipes(Trim { both: true }, Trim::both())]
#[use_filters(Translate)]
pub struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[use_guards(Throttle::per_socket(10, Duration::from_secs(1)))]
    #[use_filters(Translate)]
    #[subscribe_message("all")]
    #[use_interceptors(Timing, { Timing })]
    #[use_pipes(Parse::<u32>(std::marker::PhantomData))]
    #[set_metadata(Needs("admin"))]
    #[set_metadata(Cost { units: 3 })]
    async fn all(
        &self,
        socket: Socket,
        #[use_pipes(Trim::both(), Trim { both: false })] MessageBody(text): MessageBody<String>,
    ) -> Result<String, WsException> {
        drop(socket);
        Ok(text)
    }

    #[subscribe_message("pipes")]
    async fn pipes(
        &self,
        #[use_pipes(Trim::both())]
        #[use_pipes(Trim::both())]
        #[allow(unused_mut)]
        mut body: MessageBody<(u32, String)>,
        #[use_pipes(Trim::both())] rest: Option<MessageBody<Arguments>>,
    ) {
        drop((body, rest));
    }

    #[on_connection]
    #[use_guards(Throttle::per_socket(1, Duration::from_secs(1)), Members)]
    #[use_filters(Translate)]
    #[set_metadata(Needs("nothing"))]
    async fn connected(&self, socket: Socket) {
        drop(socket);
    }

    #[use_filters(Translate)]
    #[set_metadata((Needs("nothing")))]
    #[on_disconnect]
    async fn disconnected(&self) {}

    #[set_metadata(Cost { units: 0 })]
    #[after_init]
    async fn ready(&self) {}
}

fn main() {
    assert!(Trim::both().both);
    let Needs(role) = Needs("member");
    assert_eq!(role.len() as u32, Cost { units: 6 }.units);
}
