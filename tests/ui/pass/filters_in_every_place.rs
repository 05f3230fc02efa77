// `#[use_filters]` above and below, on the struct and on methods; types, expressions, constants.
#![deny(warnings)]

use gateway_core::prelude::*;
use std::io;

macro_rules! filters {
    ($($name:ident catches $error:ty),*) => {$(
        #[injectable]
        pub struct $name;

        impl ExceptionFilter for $name {
            type Catch = $error;
            type Body = String;

            async fn catch(&self, _: &$error, _: &ExecutionContext) -> Result<ErrorReply<String>, WsException> {
                Ok(ErrorReply::new("error", &String::new()))
            }
        }
    )*};
}

filters!(Translate catches WsException, Disk catches io::Error, Last catches WsException);

impl Disk {
    fn new(_: &str) -> Self {
        Self
    }
}

const LAST: Last = Last;

#[use_filters(Translate)]
/// Documented.
#[use_filters(Disk)]
#[web_socket_gateway]
#[use_filters(Disk::new("data"), (LAST), crate::Last)]
pub struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[use_filters(Translate)]
    #[subscribe_message("above")]
    async fn above(&self) {}

    #[subscribe_message("below")]
    #[use_filters(Disk::new("x"), Translate)]
    #[use_filters({ Last })]
    async fn below(&self) {}
}

fn main() {}
