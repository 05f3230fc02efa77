// Errors as applications have them, and the ways they come.
#![deny(warnings)]

use std::error::Error;

use gateway_core::prelude::*;

pub mod codes {
    pub const GONE: &str = "GONE";
}

#[derive(Debug, thiserror::Error, WsError)]
pub enum TicketError {
    #[error("ticket {0} is closed")]
    #[ws(code = "CLOSED")]
    Closed(u64),
    #[error("ticket {id} is gone")]
    #[ws(code = codes::GONE, message = format!("{} is gone", "it"))]
    Gone { id: u64 },
    #[error(transparent)]
    #[ws(transparent)]
    Room(#[from] RoomError),
    #[error("the store is not there")]
    Store(#[from] std::io::Error),
}

#[derive(Debug, thiserror::Error, WsError)]
#[error("the room is full")]
#[ws(code = "FULL")]
pub struct RoomError;

/// Every variant has the code of the whole, where it has none of its own.
#[derive(Debug, thiserror::Error, WsError)]
#[ws(code = "ORDER")]
pub enum OrderError {
    #[error("it is empty")]
    Empty,
    #[error("it is late")]
    #[ws(code = "LATE")]
    Late,
}

/// What it says is computed.
#[derive(Debug, thiserror::Error, WsError)]
#[error("{fields:?}")]
#[ws(with = Self::told)]
pub struct FormError {
    fields: Vec<String>,
}

impl FormError {
    fn told(&self) -> WsException {
        WsException::validation(self.fields.iter().map(|field| FieldError::new(field, "is wrong")))
    }
}

#[web_socket_gateway]
pub struct TicketGateway;

#[web_socket_gateway]
impl TicketGateway {
    #[on_connection]
    async fn connected(&self) -> anyhow::Result<()> {
        Ok(())
    }

    #[subscribe_message("own")]
    async fn own(&self) -> Result<u32, TicketError> {
        Err(RoomError.into())
    }

    #[subscribe_message("question-mark")]
    async fn question_mark(&self) -> Result<u32, WsException> {
        Err(TicketError::Closed(1))?
    }

    #[subscribe_message("anyhow")]
    async fn anyhow(&self) -> anyhow::Result<WsResponse<u32>> {
        anyhow::bail!("no")
    }

    #[subscribe_message("boxed")]
    async fn boxed(&self) -> Result<u32, Box<dyn Error + Send + Sync>> {
        Err("no".into())
    }

    #[subscribe_message("by-hand")]
    async fn by_hand(&self) -> Result<u32, WsException> {
        let anyhow: anyhow::Result<()> = Ok(());
        anyhow.map_err(WsException::internal)?;
        let boxed: Result<(), Box<dyn Error + Send + Sync>> = Ok(());
        boxed.map_err(WsException::internal)?;
        let text: Result<(), String> = Ok(());
        text.map_err(WsException::new)?;
        let nothing: Result<u32, ()> = Err(());
        nothing.map_err(|()| WsException::new("no"))
    }
}

fn is_error<E: Error + Send + Sync + 'static>() {}

fn main() -> anyhow::Result<()> {
    is_error::<AppError>();
    is_error::<AckError>();
    is_error::<EmitError>();
    is_error::<JoinError>();
    is_error::<PresenceError>();
    is_error::<SocketsError>();
    is_error::<gateway_core::InvalidKey>();
    is_error::<gateway_core::InvalidSocketId>();
    let told = |error: TicketError| {
        let exception = WsException::from(error);
        (exception.code().to_owned(), exception.message().to_owned())
    };
    let words = |code: &str, message: &str| (code.to_owned(), message.to_owned());
    assert_eq!(told(TicketError::Closed(7)), words("CLOSED", "ticket 7 is closed"));
    assert_eq!(told(TicketError::Gone { id: 7 }), words("GONE", "it is gone"));
    assert_eq!(told(RoomError.into()), words("FULL", "the room is full"));
    let store = TicketError::from(std::io::Error::other("gone"));
    assert_eq!(told(store), words("INTERNAL", "Internal server error"));
    assert_eq!(OrderError::Empty.exception().code(), "ORDER");
    assert_eq!(OrderError::Late.exception().code(), "LATE");
    let form = WsException::from(FormError { fields: vec!["sku".to_owned()] });
    assert_eq!(form.errors().len(), 1);
    Err(AppError::other("it ends well")).or_else(|error: AppError| {
        let error = anyhow::Error::from(error);
        anyhow::ensure!(error.downcast_ref::<AppError>().is_some(), "it was an `AppError`");
        Ok(())
    })
}
