// The expansion names nothing that a user could have named differently.
#![deny(warnings)]
#![allow(dead_code, non_camel_case_types, non_upper_case_globals, unused_macros)]

use gateway_core::{ErrorReply, ExceptionFilter, ExecutionContext, Socket, WsException};
use gateway_core::{Logging, MessageBody, Roles};
use gateway_core::{injectable, web_socket_gateway};

struct Result;
struct Option;
struct String;
struct Box;
struct Vec;
struct Ok;
struct Err;
struct Some;
struct None;
struct Arc;
struct Pin;
struct Call;
struct Message;
struct Reply;
struct Gateway;
struct Peel;
struct Kind;
struct usize;
struct bool;
struct str;
struct GuardFacts;
struct PipeFacts;
struct Inherited;
trait Guard {}
trait Pipe {}
trait Interceptor {}
trait Send {}
trait Sync {}
trait Future {}
trait Clone {}
trait Default {}
trait Sized {}
trait Injectable {}
trait Into {}
trait From {}
trait Fn {}
// A name in a pattern is a variable only where nothing of that name is in scope: with one of these,
// `let output = ..` would compare, or not compile.
struct output;
struct this;
const call: u8 = 0;
const arg_0: u8 = 0;
const argument_0: u8 = 0;
const _provider: u8 = 0;
static gateway: u8 = 0;
static routes: u8 = 0;
static dependencies: u8 = 0;
enum Hidden {
    provider,
    make,
}
#[allow(unused_imports)]
use Hidden::*;
fn handler() {}
fn facts() {}
mod std {}
mod core {}
mod alloc {}
mod inventory {}
mod private {}
mod serde {}

macro_rules! unreachable {
    () => {};
}
macro_rules! vec {
    () => {};
}
macro_rules! concat {
    () => {};
}

type Fallible<T> = ::std::result::Result<T, WsException>;

#[injectable]
struct Filter;

impl ExceptionFilter for Filter {
    type Catch = WsException;
    type Body = ::std::string::String;

    async fn catch(
        &self,
        _: &WsException,
        _: &ExecutionContext,
    ) -> Fallible<ErrorReply<::std::string::String>> {
        ::std::result::Result::Ok(ErrorReply::new("error", &::std::string::String::new()))
    }
}

trait Clock: ::std::marker::Send + ::std::marker::Sync {}

#[injectable(as dyn Clock)]
struct SystemClock {
    filter: ::std::sync::Arc<Filter>,
}

impl Clock for SystemClock {}

#[injectable]
struct Same;

impl gateway_core::Pipe for Same {
    async fn transform(
        &self,
        value: gateway_core::Argument,
        _: &gateway_core::ArgumentMetadata<'_>,
    ) -> Fallible<gateway_core::Argument> {
        ::std::result::Result::Ok(value)
    }
}

struct Config {
    size: ::core::primitive::usize,
}

#[web_socket_gateway(
    namespace = "/hostile",
    serial,
    concurrency = 3,
    inbox(messages = |config: &Config| config.size),
    cors(origins = ["*"], credentials = false)
)]
#[use_filters(Filter)]
#[use_guards(Roles::any(["admin"]))]
#[use_interceptors(Logging)]
#[set_metadata(7_u8)]
struct ChatGateway {
    #[init]
    count: ::std::sync::atomic::AtomicU64,
    #[init(7)]
    seven: u8,
    same: ::std::sync::Arc<Same>,
}

#[web_socket_gateway]
impl ChatGateway {
    #[after_init]
    async fn ready(&self) {}

    #[on_connection]
    async fn connected(&self, _: Socket) -> Fallible<()> {
        ::std::result::Result::Ok(())
    }

    #[on_disconnect]
    async fn disconnected(&self, _: Socket) {}

    // A name that the handle to the gateway has as well.
    #[subscribe_message("clone")]
    async fn clone(&self, _: Socket) -> Fallible<u8> {
        ::std::result::Result::Ok(self.seven)
    }

    #[subscribe_message("type")]
    #[use_guards(Roles::any(["admin"]))]
    async fn r#type(&self, #[use_pipes(Same)] MessageBody(index): MessageBody<u8>) -> u8 {
        index
    }
}

// Methods on everything, called as those the expansion calls.
trait Everything {
    fn reply(&self) {}
    fn filter(&self) {}
    fn guard(&self) {}
    fn metadata(&self) {}
    fn argument_pipe(&self) {}
    fn message(&self) {}
    fn declare(&self) {}
    fn finish(&self) {}
}

impl<T: ?::std::marker::Sized> Everything for T {}

fn main() {}
