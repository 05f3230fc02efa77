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

// What is written behind it would not be Rust, and rustc would say so of tokens nobody wrote.
#[test]
fn the_path_to_the_core_has_no_arguments_and_names_no_type() {
    for arguments in
        [quote!(crate = my::core<User>), quote!(crate = Self), quote!(crate = Self::core)]
    {
        let printed = web_socket_gateway(
            arguments,
            quote!(
                struct ChatGateway;
            ),
        );
        assert!(syn::parse2::<syn::File>(printed.clone()).is_ok(), "{printed}");
        let found = messages(printed);
        assert_eq!(found.len(), 1, "{found:#?}");
    }
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

// What is no type would be reported again, by the compiler, where we print it.
#[test]
fn a_handler_whose_list_names_no_type_is_not_printed() {
    let expansion = block(&quote! {
        #[use_guards(Roles::any)]
        #[subscribe_message("a")]
        async fn guarded(&self) {}
        #[subscribe_message("b")]
        async fn piped(&self, #[use_pipes(trim)] text: MessageBody<String>) {}
    });
    assert_eq!(messages(expansion.clone()).len(), 2);
    assert!(!pretty(expansion).contains("MessageFacts"));
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

/// As if the expansion had a bug: the item comes out as the user wrote it but for our attributes,
/// with one error, and with as much as other items ask of it.
#[test]
fn a_panic_of_ours_keeps_the_item() {
    let gateway = web_socket_gateway(
        quote!(serial),
        quote! {
            #[use_guards(Members)]
            #[derive(Debug)]
            struct PanicsInTheMacro { #[init(7)] seven: u8 }
        },
    );
    let methods = web_socket_gateway(
        TokenStream::new(),
        quote! {
            impl PanicsInTheMacro {
                #[subscribe_message("say")]
                #[inline]
                async fn say(&self, #[use_pipes(Trim)] text: MessageBody<String>) { body() }
            }
        },
    );
    let service = injectable(
        TokenStream::new(),
        quote!(
            struct PanicsInTheMacro(#[init] u8);
        ),
    );
    let free = quote!(
        async fn free(_: PanicsInTheMacro) {}
    );
    let misplaced = misplaced::handler(Mark::AfterInit, free.clone());
    let guarded = misplaced::enhancer(Mark::SetMetadata, &quote!(1), free);

    for (name, expansion) in [
        ("web_socket_gateway", &gateway),
        ("web_socket_gateway", &methods),
        ("injectable", &service),
        ("after_init", &misplaced),
        ("set_metadata", &guarded),
    ] {
        let said = messages(expansion.clone());
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            said[0].starts_with(&format!("`#[{name}]` panicked: a bug of ours\nhelp: ")),
            "{said:?}"
        );
    }
    let printed = pretty(gateway);
    assert!(
        printed.starts_with("#[derive(Debug)]\nstruct PanicsInTheMacro {\n    seven: u8,"),
        "{printed}"
    );
    assert!(printed.contains("Gateway for PanicsInTheMacro"), "{printed}");
    let printed = pretty(methods);
    assert!(
        printed.contains(
            "    #[inline]\n    async fn say(&self, text: MessageBody<String>) {\n        body()"
        ),
        "{printed}"
    );
    assert!(pretty(service).contains("Injectable for PanicsInTheMacro"));
    assert!(pretty(misplaced).starts_with("async fn free(_: PanicsInTheMacro) {}"));
}
