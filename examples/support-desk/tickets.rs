//! Tickets, and who may see them. A real desk keeps them in a database.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use garde::Validate;
use gateway_core::prelude::*;
use serde::{Deserialize, Serialize};

use crate::Person;

const MOST_TICKETS: usize = 10_000;
const MOST_MESSAGES: usize = 1_000;

#[derive(Clone, Serialize, Deserialize, Validate)]
#[garde(allow_unvalidated)]
pub(crate) struct Message {
    pub(crate) ticket: u64,
    #[serde(skip_deserializing)]
    pub(crate) from: String,
    #[garde(length(chars, min = 1, max = 4000))]
    text: String,
}

#[derive(Clone, Serialize)]
pub(crate) struct Ticket {
    pub(crate) id: u64,
    customer: String,
    subject: String,
    messages: Vec<Message>,
}

/// What may go wrong, with the codes that clients read.
#[derive(Debug, thiserror::Error, WsError)]
pub(crate) enum TicketError {
    /// It is closed, or another customer's: nobody can find out which.
    #[error("there is no ticket {0}")]
    #[ws(code = "NO_SUCH_TICKET")]
    Unknown(u64),
    #[error("there are too many of them: please call us")]
    #[ws(code = "DESK_FULL")]
    Full,
}

#[injectable]
pub(crate) struct Tickets {
    #[init]
    opened: AtomicU64,
    #[init]
    open: Mutex<HashMap<u64, Ticket>>,
}

impl Tickets {
    pub(crate) fn open(&self, by: &Person, subject: String) -> Result<Ticket, TicketError> {
        let mut open = self.open.lock().expect("nothing panics while it is locked");
        if open.len() >= MOST_TICKETS {
            return Err(TicketError::Full);
        }
        let (id, customer) = (self.opened.fetch_add(1, Relaxed) + 1, by.name.clone());
        let ticket = Ticket { id, customer, subject, messages: Vec::new() };
        open.insert(id, ticket.clone());
        Ok(ticket)
    }

    /// An open ticket that this person may see: an agent sees all of them, customers their own.
    pub(crate) fn find(&self, id: u64, person: &Person) -> Result<Ticket, TicketError> {
        let open = self.open.lock().expect("nothing panics while it is locked");
        let ticket =
            open.get(&id).filter(|ticket| person.is_agent() || ticket.customer == person.name);
        ticket.cloned().ok_or(TicketError::Unknown(id))
    }

    pub(crate) fn add(&self, message: &Message) -> Result<(), TicketError> {
        let mut open = self.open.lock().expect("nothing panics while it is locked");
        let ticket = open.get_mut(&message.ticket).ok_or(TicketError::Unknown(message.ticket))?;
        if ticket.messages.len() >= MOST_MESSAGES {
            return Err(TicketError::Full);
        }
        ticket.messages.push(message.clone());
        Ok(())
    }

    pub(crate) fn close(&self, id: u64) -> Result<(), TicketError> {
        let mut open = self.open.lock().expect("nothing panics while it is locked");
        open.remove(&id).map(drop).ok_or(TicketError::Unknown(id))
    }
}
