//! All mistakes in one pass, each once, and the user's item beside them.

use super::{block, messages, pretty};
use proc_macro2::TokenStream;
use quote::quote;

use crate::entry::{injectable, web_socket_gateway};
use crate::mark::Mark;
use crate::misplaced;

#[test]
fn every_mistake_of_a_block_comes_out_in_one_pass() {
    let found = messages(block(&quote! {
        #[subscribe_message("")]
        async fn empty(&self) {}
        #[subscribe_message("a")]
        fn not_async(&self) {}
        #[subscribe_message("a")]
        async fn duplicate() {}
        #[use_pipes(Trim)]
        #[on_connection]
        async fn connected(&mut self) {}
    }));
    assert_eq!(found.len(), 7, "{found:#?}");
}

#[test]
fn every_mistake_of_a_struct_comes_out_in_one_pass() {
    let found = messages(web_socket_gateway(
        quote!(
            namspace = "/chat",
            serial = true,
            cors(origins = [], credential = true),
            pingTimeout = 5,
            serial
        ),
        quote! {
            #[use_filters]
            #[use_pipes()]
            struct ChatGateway { #[init()] seen: AtomicU64 }
        },
    ));
    // `serial` twice is told at both places.
    assert_eq!(found.len(), 10, "{found:#?}");
}

#[test]
fn the_users_methods_survive_without_our_attributes() {
    let printed = pretty(block(&quote! {
        #[subscribe_message("")]
        #[inline]
        async fn empty(&self) { body() }
    }));
    assert!(
        printed.contains("#[inline]\n    async fn empty(&self) {\n        body()"),
        "{printed}"
    );
    assert!(!printed.contains("    #[subscribe_message"), "{printed}");
}

#[test]
fn handlers_that_are_right_are_registered_beside_those_that_are_not() {
    let printed = pretty(block(&quote! {
        #[subscribe_message("a")]
        fn wrong(&self) {}
        #[subscribe_message("b")]
        async fn right(&self) {}
    }));
    assert!(printed.contains("MessageFacts::new(\"b\", \"right\")"), "{printed}");
    assert!(!printed.contains("MessageFacts::new(\"a\""), "{printed}");
}

#[test]
fn first_lines_are_short() {
    let cases = [
        web_socket_gateway(
            quote!(port = 1, path = "", adapter = x, cors, guards(A), filters(B), unknown),
            quote!(
                struct A<T> {
                    #[use_filters(F)]
                    x: T,
                }
            ),
        ),
        web_socket_gateway(
            quote!(3000, "/chat"),
            quote!(
                enum A {}
            ),
        ),
        web_socket_gateway(
            quote!(namespace = "a,b", inbox = 1),
            quote!(
                struct A;
            ),
        ),
        injectable(
            quote!(as Clock, to),
            quote!(
                fn a() {}
            ),
        ),
        web_socket_gateway(
            quote!(reauthenticate = "connect", cors(origins = "localhost")),
            quote!(
                #[set_metadata("roles", ["admin"])]
                #[set_metadata(A, B)]
                #[set_metadata]
                #[use_guards]
                #[use_interceptors()]
                struct A;
            ),
        ),
        web_socket_gateway(
            quote!(
                cors(origins = ["localhost", "http://a/"], credentials = "yes"),
                cors(),
                interceptors(A)
            ),
            quote!(
                struct A {
                    #[use_guards(A)]
                    #[set_metadata(A)]
                    x: T,
                }
            ),
        ),
        web_socket_gateway(
            quote!(cors = true),
            quote!(
                struct A;
            ),
        ),
        block(&quote! {
            #[on_connection] #[use_interceptors(A)] #[use_pipes(A)] async fn a(&self) {}
            #[on_disconnect] #[use_guards(A)] async fn b(&self, #[use_pipes(A)] x: Socket) {}
            #[after_init] #[use_guards(A)] #[use_interceptors(A)] #[use_pipes(A)] async fn c(&self) {}
            #[use_guards(A)] #[use_interceptors(A)] #[set_metadata(A)] fn d(#[use_pipes(A)] &self) {}
            #[subscribe_message("e")]
            async fn e(#[use_pipes(A)] &self, #[use_guards(A)] #[use_pipes] x: Socket) {}
        }),
        block(&quote! {
            #[subscribe_message("connect")] async fn a<'a, T, const N: usize>(self, x: &Socket) {}
            #[subscribe_message("a\"")] unsafe extern "C" fn b(&self, #[cfg(x)] y: impl Sized) {}
            #[subscribe_message(EVENT)] async fn c(&self, _: _) {}
            #[subscribe_message("42")] #[after_init] #[use_filters(A)] async fn d(&self) {}
            #[after_init(1)] #[use_filters(A)] async fn e(&self) {}
            #[cfg_attr(x, on_connection)] async fn f(&self) {}
            #[subscribe_message("x")] const X: u8 = 1;
        }),
    ];
    let mut count = 0;
    for message in cases.into_iter().flat_map(messages) {
        let (first, help) = message.split_once("\nhelp: ").expect("what to write instead");
        assert!(first.chars().count() <= 100, "{} columns: {first}", first.chars().count());
        assert!(!help.is_empty());
        count += 1;
    }
    assert!(count >= 56, "only {count} messages");
}

#[test]
fn a_misplaced_attribute_speaks_for_its_siblings() {
    let answered = misplaced::handler(
        Mark::SubscribeMessage,
        quote! {
            #[use_filters(A)]
            #[use_guards(A)]
            #[on_connection]
            #[inline]
            async fn free(#[use_pipes(A)] x: u8) {}
        },
    );
    assert_eq!(messages(answered.clone()).len(), 1);
    let printed = pretty(answered);
    assert!(printed.contains("#[inline]") && !printed.contains("use_"), "{printed}");
}

#[test]
fn an_item_that_is_no_gateway_survives() {
    let printed = pretty(web_socket_gateway(
        TokenStream::new(),
        quote!(
            fn main() {
                run()
            }
        ),
    ));
    assert!(printed.contains("fn main() {\n    run()"), "{printed}");
}
