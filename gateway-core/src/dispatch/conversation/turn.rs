//! What a conversation lends a message or a refusal. All of it is given back by `Drop`, so nothing is lost to a panic.

use std::{
    ops::Deref,
    sync::{Arc, atomic::Ordering},
};

use super::Conversation;
use crate::{
    call::context::ExecutionContext,
    dispatch::inbox::{Inbox, Place},
};

/// A refusal that waits for a filter.
pub(super) struct Waits(pub(super) Arc<Conversation>);

impl Waits {
    pub(super) fn new(conversation: Arc<Conversation>) -> Self {
        conversation.refusals.fetch_add(1, Ordering::Relaxed);
        Self(conversation)
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.refusals.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The right to start messages. It is given back, whatever panics.
pub(super) struct Starting<'a>(pub(super) Option<&'a Conversation>);

impl Starting<'_> {
    /// The inbox has nothing more to start, and has taken the right back.
    pub(super) fn end(mut self) {
        self.0 = None;
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        if let Some(conversation) = self.0 {
            conversation.inbox().stop_starting();
        }
    }
}

/// A message's place in the inbox. It is given back when this is dropped, however that happens.
pub(super) struct Turn<C: Deref<Target = Conversation>> {
    conversation: Option<C>,
    place: Place,
}

impl<C: Deref<Target = Conversation>> Turn<C> {
    pub(super) fn new(conversation: C, place: Place) -> Self {
        Self { conversation: Some(conversation), place }
    }

    /// Gives the place back while the inbox is locked anyway.
    pub(super) fn end(mut self, inbox: &mut Inbox<ExecutionContext>) {
        if let Some(conversation) = self.conversation.take() {
            inbox.leave(self.place, conversation.options());
        }
    }

    pub(super) fn moved_to<D: Deref<Target = Conversation>>(mut self, other: D) -> Turn<D> {
        self.conversation = None;
        Turn::new(other, self.place)
    }
}

impl<C: Deref<Target = Conversation>> Drop for Turn<C> {
    fn drop(&mut self) {
        if let Some(conversation) = self.conversation.take() {
            let mut inbox = conversation.inbox();
            inbox.leave(self.place, conversation.options());
        }
    }
}
