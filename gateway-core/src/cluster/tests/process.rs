//! A process of a cluster, with one namespace, that keeps what it hears.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;

use super::super::{
    Adapter, Answer, Answers, Cluster, Found, Member, Message, Question, memory::Network,
};
use crate::platform::{Group, Packet};

impl Cluster {
    /// Waits until it can be reached, and so many other processes are heard of.
    pub(crate) async fn until_it_hears_of(&self, others: usize) {
        while self.why_not().is_some() || self.peers() < others {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[derive(Default)]
pub(in super::super) struct Listener {
    heard: Mutex<Vec<(usize, usize)>>,
    missed: AtomicU64,
    is_silent: AtomicBool,
    /// Whether it gives no answers, and says that these were all.
    has_no_answers: AtomicBool,
    /// The questions that are not answered.
    kept: Mutex<Vec<Answers>>,
}

impl Listener {
    /// Answers nothing any more.
    pub(in super::super) fn fall_silent(&self) {
        self.is_silent.store(true, Ordering::Relaxed);
    }
}

impl Listener {
    pub(super) fn give_no_answers(&self) {
        self.has_no_answers.store(true, Ordering::Relaxed);
    }
}

impl Member for Listener {
    fn may_reach(&self, _group: &Group) -> bool {
        true
    }

    fn hear(self: Arc<Self>, message: Message) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Message::Event { packet, .. } = message else { panic!("{message:?}") };
            let said: (String, usize, usize) = serde_json::from_str(packet.text()).unwrap();
            self.heard.lock().unwrap().push((said.1, said.2));
        })
    }

    fn missed(&self) {
        self.missed.fetch_add(1, Ordering::Relaxed);
    }

    fn asked(self: Arc<Self>, question: Question, answers: Answers) {
        if self.is_silent.load(Ordering::Relaxed) {
            self.kept.lock().unwrap().push(answers);
            return;
        }
        if self.has_no_answers.load(Ordering::Relaxed) {
            return;
        }
        match question {
            Question::Sockets { .. } => {
                let (identity, rooms) = (r#"{"name":"Ann"}"#.into(), vec!["lobby".to_owned()]);
                let found = Found { id: "one".to_owned(), rooms, identity };
                answers.answer(Answer::Sockets(vec![found]));
            }
            Question::Rooms => answers.answer(Answer::Rooms(vec!["lobby".to_owned()])),
            Question::ServerSide { event, payload } => {
                answers.answer(Answer::Reply(format!(r#"["{event}",{payload}]"#).into()));
            }
            Question::Event { packet, .. } => {
                let client = "AAAAAAAAAAAAAAAA".parse().unwrap();
                answers.answer(Answer::Clients { count: 1, ids: vec![client] });
                let text = format!("[{}]", packet.text());
                let packet = Packet::new(text, packet.attachments().to_vec());
                answers.answer(Answer::Acknowledged { client: Some(client), packet });
            }
        }
    }
}

pub(in super::super) struct Process {
    pub(in super::super) cluster: Cluster,
    pub(in super::super) adapter: Adapter,
    pub(in super::super) listener: Arc<Listener>,
    /// Its number in what it says.
    number: AtomicUsize,
}

impl Process {
    pub(in super::super) fn of(cluster: Cluster) -> Self {
        let adapter = cluster.adapter("/chat");
        let listener = Arc::<Listener>::default();
        let member: Arc<dyn Member> = Arc::clone(&listener) as _;
        adapter.attach(Arc::downgrade(&member));
        Self { cluster, adapter, listener, number: AtomicUsize::new(0) }
    }

    pub(in super::super) fn say(&self, number: usize) {
        let process = self.number.load(Ordering::Relaxed);
        let packet = Packet::new(format!(r#"["said",{process},{number}]"#), Vec::new());
        self.adapter.say(Message::Event { group: Group::default(), packet, is_volatile: false });
    }

    /// Who said what, in the order in which it was heard.
    pub(in super::super) fn heard(&self) -> Vec<(usize, usize)> {
        self.listener.heard.lock().unwrap().clone()
    }

    pub(in super::super) fn missed(&self) -> u64 {
        self.listener.missed.load(Ordering::Relaxed)
    }
}

/// Waits until every process would wait for every other one, and numbers them.
pub(in super::super) async fn until_all_know_each_other(processes: &[Process]) {
    for (number, process) in processes.iter().enumerate() {
        process.number.store(number, Ordering::Relaxed);
        while process.cluster.why_not().is_some() || process.adapter.others() + 1 < processes.len()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

pub(super) async fn processes(network: &Network, count: usize) -> Vec<Process> {
    let processes: Vec<_> = (0..count).map(|_| Process::of(network.join())).collect();
    until_all_know_each_other(&processes).await;
    processes
}

pub(super) async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// What became of everything that was said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Tally {
    pub(in super::super) lost: usize,
    pub(in super::super) doubled: usize,
    pub(in super::super) reordered: usize,
    /// How many of the processes were told that they had missed something.
    pub(in super::super) told: usize,
}

impl Tally {
    /// Of processes that have each said so much.
    pub(in super::super) fn of(processes: &[Process], said: usize) -> Self {
        let mut tally = Self::default();
        for (listener, process) in processes.iter().enumerate() {
            let mut by_speaker = BTreeMap::<usize, Vec<usize>>::new();
            for (speaker, number) in process.heard() {
                by_speaker.entry(speaker).or_default().push(number);
            }
            for speaker in (0..processes.len()).filter(|speaker| *speaker != listener) {
                let heard = by_speaker.remove(&speaker).unwrap_or_default();
                let mut once = heard.clone();
                once.sort_unstable();
                once.dedup();
                tally.lost += said - once.len();
                tally.doubled += heard.len() - once.len();
                tally.reordered += heard.windows(2).filter(|pair| pair[0] > pair[1]).count();
            }
            assert!(by_speaker.is_empty(), "{listener} hears only the others, not {by_speaker:?}");
            tally.told += usize::from(process.missed() > 0);
        }
        tally
    }
}

/// Lets each of the processes speak every so often, until `during` is over; returns how much each has said.
pub(in super::super) async fn load(
    processes: &[Process],
    every: Duration,
    during: impl Future<Output = ()>,
) -> usize {
    let said = AtomicUsize::new(0);
    let speak = async {
        let mut tick = tokio::time::interval(every);
        loop {
            tick.tick().await;
            let number = said.fetch_add(1, Ordering::Relaxed);
            processes.iter().for_each(|process| process.say(number));
        }
    };
    tokio::select! {
        () = during => {}
        () = speak => {}
    }
    said.load(Ordering::Relaxed)
}
