//! Questions to all other processes, and their answers.
//!
//! Servers of other makes are asked too, in their own format. How many those are, the engine says; processes of this
//! framework are known by name, and each says which of its answers was the last.

mod answers;
mod asked;
mod messages;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use foldhash::fast::RandomState;
use tokio::sync::mpsc;

pub(super) use self::asked::ask;
pub(crate) use self::{answers::Answers, asked::Asked};
use super::{
    Answer, Question,
    adapter::Shared,
    format::{Malformed, kind},
    inbox::Inbox,
};
use crate::{defaults, metrics};

/// What is asked.
pub(super) enum Asks {
    Question(Question),
    /// Have you done everything up to this entry of mine?
    Settle {
        number: u64,
    },
}

/// The questions of this process that wait for answers, and those of others that it answers.
#[derive(Default)]
pub(super) struct Asking {
    questions: Mutex<HashMap<String, Heard, RandomState>>,
    answering: Arc<AtomicUsize>,
}

/// Where the answers to a question go.
#[derive(Clone)]
struct Heard {
    answers: mpsc::UnboundedSender<Response>,
    /// Those that wait.
    bytes: Arc<AtomicUsize>,
}

/// What another process answers.
struct Response {
    uid: String,
    /// Whether it is a process of this framework.
    is_ours: bool,
    part: Part,
    size: usize,
}

enum Part {
    Answer(Answer),
    Done,
    /// There was no room for an answer.
    Lost,
}

impl Asking {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Heard, RandomState>> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn respond(&self, question: &str, mut response: Response) {
        let Some(heard) = self.lock().get(question).cloned() else { return };
        // Relaxed: it orders nothing.
        let bytes = heard.bytes.fetch_add(response.size, Ordering::Relaxed) + response.size;
        if bytes > defaults::CLUSTER_QUEUE && matches!(response.part, Part::Answer(_)) {
            response.part = Part::Lost;
        }
        // Whoever asked may have given up.
        let _ = heard.answers.send(response);
    }
}

/// Another process asks, or answers.
pub(super) fn receive(
    shared: &Arc<Shared>,
    inbox: &Arc<Inbox>,
    uid: &str,
    namespace: &str,
    kind: u16,
    data: &[u8],
) -> Result<(), Malformed> {
    match kind {
        kind::SOCKETS | kind::SERVER_SIDE | kind::EVENT | kind::SETTLE => {
            answers::asked(shared, inbox, uid, namespace, kind, data)
        }
        kind::SOCKETS_ANSWER
        | kind::SERVER_SIDE_ANSWER
        | kind::CLIENT_COUNT
        | kind::CLIENT_ANSWER
        | kind::DONE => {
            let (question, is_ours, part) = messages::read_answer(kind, data)?;
            let response = Response { uid: uid.to_owned(), is_ours, part, size: data.len() };
            shared.asking.respond(&question, response);
            Ok(())
        }
        // Said by a newer version, or by a server of another make that has more to say.
        _ => {
            metrics::cluster_unknown();
            Ok(())
        }
    }
}
