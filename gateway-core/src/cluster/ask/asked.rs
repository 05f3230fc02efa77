//! Asking all other processes, and waiting for their answers.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};

use super::{
    super::{
        Answer,
        adapter::Shared,
        engine::{Failure, Published, Talking},
        peers::Life,
        retry,
    },
    Asks, Heard, Part, Response,
    messages::{self, Sender},
};

/// How often those who have not answered are looked for.
const LOOK: Duration = Duration::from_millis(500);

/// How many answers may wait for who has asked.
const QUEUE: usize = 64;

/// A question, and who has yet to answer it.
pub(crate) struct Asked {
    answers: mpsc::Receiver<Answer>,
    silent: Arc<Mutex<Vec<String>>>,
}

impl fmt::Debug for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Asked").finish_non_exhaustive()
    }
}

impl Asked {
    /// The next answer; `None` when everybody has answered who lives, or the time is over.
    pub(crate) async fn next(&mut self) -> Option<Answer> {
        self.answers.recv().await
    }

    /// Who has not answered to the end, once [`next`](Self::next) has returned `None`. Who said good-bye or died in
    /// between is not among them.
    pub(crate) fn silent(&self) -> Vec<String> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Asks everybody who is there now.
pub(in super::super) fn ask(
    shared: &Arc<Shared>,
    namespace: &Arc<str>,
    asks: Asks,
    within: Duration,
) -> Asked {
    let (answers, asked) = mpsc::channel(QUEUE);
    let silent = Arc::<Mutex<Vec<String>>>::default();
    let asked = Asked { answers: asked, silent: Arc::clone(&silent) };
    let deadline = Instant::now().checked_add(within);
    let round = Round {
        id: format!("{:016x}", retry::random()),
        shared: Arc::clone(shared),
        namespace: Arc::clone(namespace),
        ours: shared.peers.of(namespace).into_iter().collect(),
        others: 0,
        acknowledging: HashMap::new(),
        lost: HashSet::new(),
        answers,
    };
    let ending = shared.ending.clone();
    tokio::spawn(async move {
        let run = round.run(asks, deadline, &silent);
        ending.run_until_cancelled(run).await
    });
    asked
}

/// One question, until everybody has answered it.
struct Round {
    id: String,
    shared: Arc<Shared>,
    namespace: Arc<str>,
    /// The processes of this framework that have not answered to the end.
    ours: HashSet<String>,
    /// How many servers of other makes have not.
    others: u64,
    /// How many acknowledgements are to come from each of those.
    acknowledging: HashMap<String, usize>,
    /// Those whose answers there was no room for.
    lost: HashSet<String>,
    answers: mpsc::Sender<Answer>,
}

impl Round {
    async fn run(mut self, asks: Asks, deadline: Option<Instant>, silent: &Mutex<Vec<String>>) {
        let (sender, mut responses) = mpsc::unbounded_channel();
        let bytes = Arc::<AtomicUsize>::default();
        let heard = Heard { answers: sender, bytes: Arc::clone(&bytes) };
        self.shared.asking.lock().insert(self.id.clone(), heard);
        let over = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let (shared, id) = (Arc::clone(&self.shared), self.id.clone());
        // Whoever has asked may have gone, and nobody waits any more.
        let _forget = Forget { shared: &shared, id: &id };
        let gone = self.answers.clone();
        tokio::select! {
            () = over => {}
            () = gone.closed() => {}
            () = self.ask_and_hear(&asks, &mut responses, &bytes) => {}
        }
        let mut named: Vec<String> = self.ours.into_iter().chain(self.lost).collect();
        named.sort_unstable();
        match self.others {
            0 => {}
            1 => named.push("1 server of another make".to_owned()),
            others => named.push(format!("{others} servers of another make")),
        }
        *silent.lock().unwrap_or_else(PoisonError::into_inner) = named;
    }

    async fn ask_and_hear(
        &mut self,
        asks: &Asks,
        responses: &mut mpsc::UnboundedReceiver<Response>,
        bytes: &AtomicUsize,
    ) {
        match self.publish(asks).await {
            Ok(true) => {}
            Ok(false) => return self.ours.clear(),
            // Nobody was asked, or nobody knows: all of them will be named as silent.
            Err(_) => return,
        }
        let mut look = tokio::time::interval(LOOK);
        while !self.ours.is_empty() || self.others > 0 {
            tokio::select! {
                response = responses.recv() => {
                    let Some(response) = response else { return };
                    // Relaxed: it orders nothing.
                    bytes.fetch_sub(response.size, Ordering::Relaxed);
                    self.hear(response).await;
                }
                _ = look.tick() => self.look_for_the_silent().await,
            }
        }
    }

    /// Says whether there is anybody to be asked.
    async fn publish(&mut self, asks: &Asks) -> Result<bool, Failure> {
        let from = Sender { uid: &self.shared.uid, namespace: &self.namespace };
        let question = messages::question(from, &self.id, asks);
        let question = question.map_err(|error| Failure::new(error.to_string()))?;
        let Some(data) = question else { return Ok(false) };
        let Some(talking) = self.shared.talking() else {
            return Err(Failure::new("it is not connected"));
        };
        if matches!(asks, Asks::Question(_)) {
            self.others = self.count_others(&*talking).await?;
        }
        let channel = self.shared.layout.questions(&self.namespace);
        talking.publish(vec![Published { channel, data, by_pattern: false }]).await?;
        Ok(true)
    }

    /// How many servers of other makes there are: of all who hear questions, those that are none of ours.
    async fn count_others(&self, talking: &dyn Talking) -> Result<u64, Failure> {
        let layout = &self.shared.layout;
        let channels = vec![layout.questions(&self.namespace), layout.ours(&self.namespace)];
        let subscribers = talking.subscribers(channels).await?;
        let [all, ours] = subscribers[..] else { return Err(Failure::new("it cannot count")) };
        Ok(all.saturating_sub(ours))
    }

    async fn hear(&mut self, response: Response) {
        let Response { uid, is_ours, part, size: _ } = response;
        let answer = match part {
            Part::Answer(answer) => answer,
            Part::Done => {
                self.ours.remove(&uid);
                return;
            }
            Part::Lost => {
                self.lost.insert(uid);
                return;
            }
        };
        if !is_ours {
            self.count(uid, &answer);
        }
        // Whoever has asked may have gone, which is noticed elsewhere.
        let _ = self.answers.send(answer).await;
    }

    /// Servers of other makes do not say which answer is the last.
    fn count(&mut self, uid: String, answer: &Answer) {
        let is_last = match answer {
            Answer::Sockets(_) | Answer::Rooms(_) | Answer::Reply(_) => true,
            Answer::Clients { count: 0, .. } => true,
            Answer::Clients { count, .. } => {
                self.acknowledging.insert(uid, *count);
                false
            }
            Answer::Acknowledged { .. } => match self.acknowledging.get_mut(&uid) {
                Some(left) => {
                    *left = left.saturating_sub(1);
                    *left == 0
                }
                None => false,
            },
        };
        self.others -= u64::from(is_last && self.others > 0);
    }

    /// Takes those off the list who said good-bye or died. Who lives but says nothing stays on it.
    async fn look_for_the_silent(&mut self) {
        let life = |uid: &String| self.shared.peers.life(uid);
        let gone: Vec<String> =
            self.ours.iter().filter(|uid| life(uid) == Life::Gone).cloned().collect();
        let late: Vec<String> =
            self.ours.iter().filter(|uid| life(uid) == Life::Late).cloned().collect();
        for uid in gone {
            self.ours.remove(&uid);
        }
        let Some(talking) = self.shared.talking() else { return };
        if !late.is_empty() {
            let layout = &self.shared.layout;
            let channels = late.iter().map(|uid| layout.answers(&self.namespace, uid)).collect();
            let Ok(subscribers) = talking.subscribers(channels).await else { return };
            for (uid, subscribers) in late.iter().zip(subscribers) {
                if subscribers == 0 {
                    self.ours.remove(uid);
                }
            }
        }
        if self.others > 0
            && let Ok(others) = self.count_others(&*talking).await
        {
            self.others = self.others.min(others);
        }
    }
}

/// Takes the question off the list of those that wait for answers.
struct Forget<'a> {
    shared: &'a Shared,
    id: &'a str,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.shared.asking.lock().remove(self.id);
    }
}
