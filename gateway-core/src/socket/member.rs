//! A namespace of this process as the rest of the cluster sees it.
//!
//! What comes from other processes goes the same way as what is emitted here: through the outbox of each client, with its
//! bounds, and past nobody.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use crate::{
    auth::session::Session,
    cluster::{Answer, Answers, Found, Member, Message, Question},
    log_limiter::LogLimiter,
    platform::{Group, Packet},
    socket::{acks::Asking, connection::Connection, namespace::Namespace},
};

/// So many clients are attended to in one turn.
const AT_ONCE: usize = 128;

impl Member for Namespace {
    fn may_reach(&self, group: &Group) -> bool {
        self.hub().may_reach(group)
    }

    fn hear(self: Arc<Self>, message: Message) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            match message {
                Message::Event { group, packet, is_volatile } => {
                    let frame = self.hub().event_frame(packet);
                    let sending = self.begin_sending(frame, group, is_volatile);
                    self.finish_sending(sending).await;
                }
                // Who cannot join is counted where it is refused.
                Message::Join { group, rooms } => {
                    self.each(&group, |client| {
                        client.join(&rooms).ok();
                    })
                    .await;
                }
                Message::Leave { group, rooms } => {
                    self.each(&group, |client| client.leave(rooms.clone())).await;
                }
                Message::Disconnect { group, close } => {
                    self.each(&group, |client| match close {
                        true => client.hang_up(),
                        false => client.disconnect(),
                    })
                    .await;
                }
                Message::ServerSide { event, payload } => self.server_side.deliver(&event, payload),
                Message::Replace { user, rank } => {
                    if let Some(newest) = &self.newest {
                        newest.hear(&user, rank, self.adapter.as_ref());
                    }
                }
            }
        })
    }

    fn missed(&self) {
        self.server_side.miss();
    }

    fn asked(self: Arc<Self>, question: Question, answers: Answers) {
        match question {
            Question::Sockets { group } => {
                tokio::spawn(async move {
                    let mut found = Vec::new();
                    self.each(&group, |client| found.push(self.told(client))).await;
                    answers.answer(Answer::Sockets(found));
                });
            }
            Question::Rooms => {
                tokio::spawn(async move { answers.answer(Answer::Rooms(self.rooms())) });
            }
            Question::ServerSide { event, payload } => {
                // Longer than anybody waits: who is asked and has no answer yet is silent, and not without one.
                let patience = self.settings.ack_timeout.saturating_mul(3);
                let Some(answer) = self.server_side.ask(&event, payload) else { return };
                tokio::spawn(async move {
                    if let Ok(Ok(answer)) = tokio::time::timeout(patience, answer).await {
                        answers.answer(Answer::Reply(answer));
                    }
                });
            }
            Question::Event { group, packet, timeout } => {
                tokio::spawn(
                    async move { self.ask_clients(&group, packet, timeout, answers).await },
                );
            }
        }
    }
}

impl Namespace {
    /// From now on, it is one of the application's namespaces, and hears what other processes say.
    pub(crate) fn take_part(self: &Arc<Self>) {
        self.settings.namespaces.add(self);
        if let Some(adapter) = &self.adapter {
            let member = Arc::downgrade(self);
            adapter.attach(member);
        }
    }

    /// Does something with all clients of a group, some in each turn.
    async fn each(&self, group: &Group, mut act: impl FnMut(&Arc<Connection>)) {
        for clients in self.reached(group).chunks(AT_ONCE) {
            clients.iter().for_each(&mut act);
            tokio::task::yield_now().await;
        }
    }

    async fn ask_clients(
        self: Arc<Self>,
        group: &Group,
        packet: Packet,
        timeout: Duration,
        answers: Answers,
    ) {
        let frame = self.hub().event_frame(packet);
        let mut asking = Asking::all(&self, &frame, group, timeout).await;
        let ids = asking.ids().to_vec();
        answers.answer(Answer::Clients { count: ids.len(), ids });
        while let Some((id, packet)) = asking.next().await {
            if let Some(packet) = packet {
                answers.answer(Answer::Acknowledged { client: Some(id), packet });
            }
        }
    }

    /// What others are told of a client.
    fn told(&self, client: &Connection) -> Found {
        let identity = client.session().and_then(|session| self.written(&session));
        Found {
            id: client.id().to_string(),
            rooms: client.rooms(),
            identity: identity.unwrap_or_else(|| "null".to_owned()).into(),
        }
    }

    /// Its identity as JSON, if it has that form.
    fn written(&self, session: &Session) -> Option<String> {
        static LINES: LogLimiter = LogLimiter::new();

        let written = self.identity.codec?.written(session)?;
        let log = |error: &serde_json::Error| {
            if let Some(times) = LINES.count() {
                tracing::error!(namespace = self.path(), %error, times, "the identity of a client cannot be serialized");
            }
        };
        written.inspect_err(log).ok()
    }
}
