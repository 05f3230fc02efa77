//! Against a real Redis.

mod faults;
mod schedules;
mod world;

pub(super) use self::world::SetTime;
