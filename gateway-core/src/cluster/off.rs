//! What stands in the place of `cluster/mod.rs` where no engine is compiled: nothing of it can exist.

mod message;

use std::{convert::Infallible, sync::Weak, time::Duration};

pub(crate) use self::message::{Answer, ClusterDown, Found, Member, Message, NotAll, Question};

#[derive(Debug, Clone)]
pub(crate) struct Cluster(Infallible);

impl Cluster {
    pub(crate) fn adapter(&self, _: &str) -> Adapter {
        match self.0 {}
    }

    pub(crate) fn why_not(&self) -> Option<String> {
        match self.0 {}
    }

    pub(crate) async fn close(&self) {
        match self.0 {}
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Adapter(Infallible);

impl Adapter {
    pub(crate) fn attach(&self, _: Weak<dyn Member>) {
        match self.0 {}
    }

    pub(crate) fn say(&self, _: Message) {
        match self.0 {}
    }

    pub(crate) async fn settle(&self, _: Duration) -> Result<(), NotAll> {
        match self.0 {}
    }

    pub(crate) fn ask(&self, _: Question, _: Duration) -> Result<Asked, ClusterDown> {
        match self.0 {}
    }

    pub(crate) async fn rank(&self) -> Option<u64> {
        match self.0 {}
    }
}

#[derive(Debug)]
pub(crate) struct Asked(Infallible);

impl Asked {
    pub(crate) async fn next(&mut self) -> Option<Answer> {
        match self.0 {}
    }

    pub(crate) fn silent(&self) -> Vec<String> {
        match self.0 {}
    }
}

#[derive(Debug)]
pub(crate) struct Answers(Infallible);

impl Answers {
    pub(crate) fn answer(&self, _: Answer) {
        match self.0 {}
    }
}
