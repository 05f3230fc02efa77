//! Guards and interceptors that most applications need.

mod logging;
mod roles;
mod throttle;
mod timeout;

pub use logging::Logging;
pub use roles::Roles;
pub use throttle::Throttle;
pub use timeout::Timeout;
