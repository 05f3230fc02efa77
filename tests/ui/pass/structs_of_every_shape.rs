// Unit, tuple and named structs; services that say which trait they are.
#![deny(warnings)]

use gateway_core::prelude::*;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

pub trait Clock: Send + Sync {
    fn now(&self) -> u64;
}

#[injectable(as dyn Clock)]
#[derive(Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        0
    }
}

#[derive(Clone)]
#[injectable]
pub struct Notifications {
    pub chat: Arc<Named>,
    pub clock: Arc<dyn Clock>,
    #[init(vec![1, 2])]
    pub numbers: Vec<u32>,
}

#[web_socket_gateway(namespace = "/unit")]
pub struct Unit;

#[web_socket_gateway(namespace = "/empty")]
pub struct Empty {}

#[web_socket_gateway(namespace = "/tuple")]
pub struct Tuple(pub Server, #[init] pub u32, #[init(HashSet::new())] pub HashSet<u32>);

#[web_socket_gateway(namespace = "/named")]
pub struct Named {
    pub server: Server,
    pub clock: Arc<dyn Clock>,
    #[init]
    pub r#type: Mutex<u32>,
}

fn main() {}
