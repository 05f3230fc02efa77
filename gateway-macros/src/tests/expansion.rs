//! What a reader of the expansion sees, and that it stays small.

use super::{block, pretty};
use proc_macro2::TokenStream;
use quote::quote;

use crate::entry::{event, injectable, web_socket_gateway};
use crate::mark::{Kind, Mark};
use crate::misplaced;

fn chat_struct() -> TokenStream {
    web_socket_gateway(
        quote!(namespace = "/chat", authenticate = JwtAuthenticator<User>, serial),
        quote! {
            #[use_filters(WsExceptionFilter)]
            pub struct ChatGateway {
                server: Server,
                messages: Arc<MessageStore>,
            }
        },
    )
}

fn send_message() -> TokenStream {
    block(&quote! {
        #[subscribe_message("send-message")]
        async fn send_message(
            &self,
            Identity(user): Identity<User>,
            MessageBody(body): MessageBody<SendMessage>,
        ) -> Result<ChatMessage, WsException> {
            self.messages.append(&body.room_id, user.id, &body.content).await
        }
    })
}

#[test]
fn gateway_struct() {
    insta::assert_snapshot!(pretty(chat_struct()));
}

#[test]
fn gateway_struct_with_every_option() {
    insta::assert_snapshot!(pretty(web_socket_gateway(
        quote! {
            namespace = |config: &Config| config.namespace.clone(),
            concurrency = 16,
            inbox(messages = 100, bytes = 1024 * 1024),
            outbox_packets = 1_000,
            outbox_bytes = |config: &Config| config.outbox,
            overflow = Overflow::DropNewest,
            sessions = Newest,
            handler_grace = Duration::from_secs(10),
            reauthenticate = "renew",
            cors(origins = ["http://localhost:4200"], credentials = |config: &Config| config.cookies),
            presence(grace = Duration::from_secs(3)),
            crate = framework::core,
        },
        quote! {
            #[derive(Debug)]
            #[set_metadata(Needs("member"))]
            #[use_guards(WsJwtGuard, Roles::any(["admin"]))]
            #[use_interceptors(Logging)]
            #[use_pipes(Trim)]
            #[use_filters(Catch<Io>, Log::to("errors"), (FALLBACK))]
            struct Everything {
                #[init] seen: AtomicU64,
                #[init(HashSet::new())] names: Mutex<HashSet<String>>,
                #[init(|config: &Config, audit: &Audit| Room::of(config, audit))] room: Room,
                #[cfg(feature = "audit")] audit: Arc<Audit>,
            }
        },
    )));
}

#[test]
fn unit_and_tuple_structs() {
    insta::assert_snapshot!(pretty(web_socket_gateway(
        TokenStream::new(),
        quote!(
            pub struct Ping;
        )
    )));
    insta::assert_snapshot!(pretty(web_socket_gateway(
        TokenStream::new(),
        quote!(
            pub struct Pair(Server, #[init] AtomicU64);
        )
    )));
}

#[test]
fn message_handler() {
    insta::assert_snapshot!(pretty(send_message()));
}

#[test]
fn message_handler_with_everything() {
    insta::assert_snapshot!(pretty(block(&quote! {
        /// Documented.
        #[cfg(feature = "history")]
        #[use_guards(Members, Throttle::per_user(10, SECOND))]
        #[set_metadata(Needs("member"))]
        #[use_filters(Audit)]
        #[deprecated]
        #[subscribe_message("history", serial)]
        #[use_interceptors(Timeout::after(SECOND), Logging)]
        #[use_pipes((TRIM))]
        #[set_metadata(Cost(3))]
        async fn history(
            &self,
            socket: Socket,
            #[use_pipes(ParseInt, Clamp::to(1..100))] MessageBody(count): MessageBody<u32>,
        ) -> WsStream<impl Stream<Item = WsResponse<u32>>> {
            WsStream::new(empty())
        }

        fn helper(&self) {}
    })));
}

#[test]
fn hooks() {
    insta::assert_snapshot!(pretty(block(&quote! {
        #[after_init]
        async fn ready(&self) {}
        #[on_connection]
        #[use_guards(Throttle::per_socket(1, SECOND))]
        #[use_filters(Audit)]
        #[set_metadata(Needs("member"))]
        async fn connected(&self, socket: Socket) -> Result<(), WsException> { Ok(()) }
        #[on_disconnect]
        async fn gone(&self, socket: Socket, reason: DisconnectReason) {}
    })));
}

#[test]
fn services() {
    insta::assert_snapshot!(pretty(injectable(
        TokenStream::new(),
        quote!(
            pub struct Notifications {
                chat: Arc<ChatGateway>,
            }
        )
    )));
    insta::assert_snapshot!(pretty(injectable(
        quote!(as dyn Clock),
        quote!(
            pub struct SystemClock;
        )
    )));
}

#[test]
fn events() {
    insta::assert_snapshot!(pretty(event(quote! {
        /// Somebody has said something.
        #[event("new-message")]
        pub struct NewMessage<'a> {
            text: &'a str,
        }
    })));
    insta::assert_snapshot!(pretty(event(quote! {
        #[event("moved", args, ack = Receipt)]
        struct Moved(i32, i32);
    })));
}

#[test]
fn a_gateway_lists_its_events_as_they_are_written() {
    insta::assert_snapshot!(pretty(web_socket_gateway(
        quote!(namespace = "/chat", emits(NewMessage<'_>, Moved)),
        quote!(
            pub struct ChatGateway {
                server: Server<Self>,
            }
        )
    )));
}

#[test]
fn a_gateway_with_mistakes_keeps_the_struct_and_a_stub() {
    insta::assert_snapshot!(pretty(web_socket_gateway(
        quote!(namspace = "/chat", authenticate = JwtAuthenticator<User>),
        quote! {
            #[use_filters(WsExceptionFilter)]
            struct ChatGateway { #[init] seen: AtomicU64 }
        },
    )));
}

#[test]
fn filters_above_the_gateway_move_below_it_in_order() {
    let moved = misplaced::enhancer(
        Mark::Use(Kind::Filter),
        &quote!(A),
        quote! {
            /// Documented.
            #[use_filters(B)]
            #[web_socket_gateway(serial)]
            #[use_filters(C)]
            struct ChatGateway;
        },
    );
    insta::assert_snapshot!(pretty(moved), @r"
    /// Documented.
    #[web_socket_gateway(serial)]
    #[use_filters(A)]
    #[use_filters(B)]
    #[use_filters(C)]
    struct ChatGateway;
    ");
}

#[test]
fn enhancers_above_the_gateway_move_below_it_together() {
    let moved = misplaced::enhancer(
        Mark::SetMetadata,
        &quote!(Needs("member")),
        quote! {
            #[use_guards(Members)]
            #[use_pipes(Trim)]
            #[derive(Debug)]
            #[web_socket_gateway]
            #[use_guards(Admins)]
            struct ChatGateway;
        },
    );
    insta::assert_snapshot!(pretty(moved), @r#"
    #[derive(Debug)]
    #[web_socket_gateway]
    #[set_metadata(Needs("member"))]
    #[use_guards(Members)]
    #[use_pipes(Trim)]
    #[use_guards(Admins)]
    struct ChatGateway;
    "#);
}

/// Lines from the one that reads `from` to the next that reads `to`, both counted.
fn lines(text: &str, from: &str, to: &str) -> usize {
    let from = text.lines().skip_while(|line| line.trim() != from);
    let counted = from.take_while(|line| line.trim() != to).count();
    assert!(counted > 0, "no such line:\n{text}");
    counted + 1
}

#[test]
fn a_handler_of_two_extractors_takes_40_lines_at_most() {
    let printed = pretty(send_message());
    let lines = lines(&printed, "impl __Handlers for ChatGateway {", "struct __Block;");
    assert!(lines <= 40, "{lines} lines:\n{printed}");
}

/// rustc checks it again for each handler that an edit moves, and these are what it is slow at.
#[test]
fn what_is_generated_for_handlers_defines_no_future() {
    let printed = pretty(send_message());
    let (_, generated) = printed.split_once("const _: () = {").expect("generated code");
    for slow in ["async", "impl ::core::future::Future", "Box::pin"] {
        assert!(!generated.contains(slow), "`{slow}` in:\n{generated}");
    }
}

#[test]
fn a_gateway_takes_40_lines_at_most() {
    let printed = pretty(chat_struct());
    let lines = lines(&printed, "#[allow(deprecated)]", "};");
    assert!(lines <= 40, "{lines} lines:\n{printed}");
}
