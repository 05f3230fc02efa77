//! A client's session: a task that reads and writes the client's end of the connection.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use gateway_core::testing::{End, Received, Traffic};
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    CloseReason,
    packet::{Event, Head, Packet, prefix},
};

/// The way to the task. Without it, the connection is lost.
#[derive(Debug)]
pub(crate) struct Session {
    commands: mpsc::UnboundedSender<Command>,
    pub(crate) shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Debug)]
enum Command {
    Say(Vec<Message>),
    /// Leave, and close the connection.
    Leave,
}

/// What the task and the test both see.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) namespace: String,
    state: Mutex<State>,
    changed: Notify,
    /// Commands that the task has not carried out.
    commanded: AtomicUsize,
    pub(crate) traffic: Arc<Traffic>,
}

/// What has come from the server, and nobody has asked for.
#[derive(Default)]
pub(crate) struct State {
    /// The id under which the client was let in.
    pub(crate) id: Option<String>,
    /// Why it was not.
    pub(crate) refused: Option<String>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) acks: HashMap<u64, Received>,
    pub(crate) ended: Option<CloseReason>,
    /// Which of the server's questions are answered without the test's asking for them.
    pub(crate) answers: HashMap<String, Answer>,
    /// What the server has done that no server may do.
    pub(crate) fault: Option<String>,
}

/// Makes the packet that answers an event.
pub(crate) type Answer = Box<dyn FnMut(&Event) -> Option<Vec<Message>> + Send>;

impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("State").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Session {
    pub(crate) fn start(
        stream: WebSocketStream<End>,
        namespace: &str,
        traffic: Arc<Traffic>,
    ) -> Self {
        let (commands, commanded) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            namespace: namespace.to_owned(),
            state: Mutex::default(),
            changed: Notify::new(),
            commanded: AtomicUsize::new(0),
            traffic,
        });
        let task = tokio::spawn(run(stream, commanded, Arc::clone(&shared)));
        Self { commands, shared, _task: AbortOnDropHandle::new(task) }
    }

    pub(crate) fn say(&self, frames: Vec<Message>) {
        self.command(Command::Say(frames));
    }

    pub(crate) fn leave(&self) {
        self.command(Command::Leave);
    }

    fn command(&self, command: Command) {
        self.shared.commanded.fetch_add(1, Ordering::SeqCst);
        // Nobody is there only when the session has ended, which whoever waits for an answer is told.
        if self.commands.send(command).is_err() {
            self.shared.commanded.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is what `look` looks for.
    pub(crate) async fn wait<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(found) = look(&mut self.state()) {
                return found;
            }
            changed.await;
        }
    }

    /// Whether everything that was said has been heard, in both directions.
    pub(crate) fn is_through(&self) -> bool {
        self.commanded.load(Ordering::SeqCst) == 0 && self.traffic.is_through()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_waiters();
    }

    fn end(&self, reason: CloseReason) {
        self.change(|state| {
            state.ended.get_or_insert(reason);
        });
        self.commanded.store(0, Ordering::SeqCst);
    }

    /// Takes in a packet; what is to be answered at once is returned.
    fn take(&self, packet: Packet) -> Option<Vec<Message>> {
        let mut answer = None;
        self.change(|state| match packet {
            Packet::Connected(id) => state.id = Some(id),
            Packet::Refused(why) => state.refused = Some(why),
            Packet::Disconnected => state.ended = Some(CloseReason::ServerDisconnect),
            Packet::Ack(id, arguments) => {
                state.acks.insert(id, arguments);
            }
            Packet::Event(event) => {
                let answers = state.answers.get_mut(&event.name).filter(|_| event.ack.is_some());
                match answers {
                    Some(answers) => answer = answers(&event),
                    None => state.events.push_back(event),
                }
            }
        });
        answer
    }
}

async fn run(
    mut stream: WebSocketStream<End>,
    mut commands: mpsc::UnboundedReceiver<Command>,
    shared: Arc<Shared>,
) {
    let mut reading = Reading::default();
    loop {
        tokio::select! {
            command = commands.recv() => {
                let done = match command {
                    Some(Command::Say(frames)) => send(&mut stream, frames).await,
                    Some(Command::Leave) => {
                        let goodbye = format!("41{}", prefix(&shared.namespace));
                        send(&mut stream, vec![Message::text(goodbye)]).await;
                        stream.close(None).await.ok();
                        // A connection that is lost at once may be so before what was said has been read.
                        while let Some(Ok(_)) = stream.next().await {}
                        shared.end(CloseReason::ClientDisconnect);
                        return;
                    }
                    None => return,
                };
                shared.commanded.fetch_sub(1, Ordering::SeqCst);
                if !done {
                    return shared.end(CloseReason::TransportError);
                }
            }
            frame = stream.next() => {
                let answer = match frame {
                    Some(Ok(Message::Text(text))) => reading.text(&shared, &text),
                    Some(Ok(Message::Binary(bytes))) => reading.attachment(&shared, bytes),
                    Some(Ok(Message::Close(frame))) => {
                        return shared.end(CloseReason::TransportClose(frame.map(|frame| frame.code.into())));
                    }
                    Some(Ok(_)) => Ok(None),
                    Some(Err(_)) => return shared.end(CloseReason::TransportError),
                    None => return shared.end(CloseReason::TransportClose(None)),
                };
                match answer {
                    Ok(None) => {}
                    Ok(Some(frames)) => {
                        send(&mut stream, frames).await;
                    }
                    Err(fault) => shared.change(|state| state.fault = Some(fault)),
                }
            }
        }
    }
}

async fn send(stream: &mut WebSocketStream<End>, frames: Vec<Message>) -> bool {
    for frame in frames {
        if stream.feed(frame).await.is_err() {
            return false;
        }
    }
    stream.flush().await.is_ok()
}

/// What has come of a packet.
#[derive(Default)]
struct Reading {
    head: Option<Head>,
    attachments: Vec<Bytes>,
}

impl Reading {
    fn text(&mut self, shared: &Shared, text: &str) -> Result<Option<Vec<Message>>, String> {
        match text.as_bytes().first() {
            Some(b'2') => return Ok(Some(vec![Message::text("3")])),
            Some(b'4') => {}
            // The opening, and the end of the session, whose stream ends as well.
            _ => return Ok(None),
        }
        self.head = Some(Head::read(&text[1..], &shared.namespace)?);
        self.finish(shared)
    }

    fn attachment(
        &mut self,
        shared: &Shared,
        bytes: Bytes,
    ) -> Result<Option<Vec<Message>>, String> {
        self.attachments.push(bytes);
        self.finish(shared)
    }

    fn finish(&mut self, shared: &Shared) -> Result<Option<Vec<Message>>, String> {
        let count = self.attachments.len();
        match self.head.take_if(|head| head.wanted() <= count) {
            Some(head) => Ok(shared.take(head.with(std::mem::take(&mut self.attachments))?)),
            None => Ok(None),
        }
    }
}
