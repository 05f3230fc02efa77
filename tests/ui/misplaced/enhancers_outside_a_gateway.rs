use gateway_core::prelude::*;

#[use_filters(Translate)]
struct NoGateway;

#[use_guards(Members)]
fn free() {}

#[use_interceptors(Timing)]
trait Chat {}

#[use_pipes(Trim)]
mod pipes {}

#[set_metadata(Needs("member"))]
#[use_guards(Members)]
impl NoGateway {
    #[use_filters(Translate)]
    #[use_guards(Members)]
    #[subscribe_message("send-message")]
    async fn send_message(&self, #[use_pipes(Trim)] body: MessageBody<String>) {
        drop(body);
    }
}

fn main() {}
