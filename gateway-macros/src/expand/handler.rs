//! What is printed for one handler: the facts about it, and the function by which core learns what it takes and calls it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned;

use super::enhancer::{argument_pipe, enhancer, position};
use super::located;
use super::object::name_of;
use crate::model::{Argument, Handler, Hook, Occasion, Subscription};
use crate::tokens::{mentions, readable};

/// States the facts about the handler, whose function is `function`.
pub(super) fn declared(handler: &Handler, function: &Ident) -> TokenStream {
    let Handler { ident, enhancers, .. } = handler;
    let here = located(ident.span());
    let new = new(handler);
    let serial = handler.is_serial().then(|| quote!(.serial()));
    let returns = returns(handler);
    let enhancers = enhancers.iter().map(enhancer);
    let pipes = argument_pipes(handler);
    let occasion = match handler.occasion {
        Occasion::Message(_) => "message",
        Occasion::Hook(hook) => hook.attribute(),
    };
    let occasion = Ident::new(occasion, here);
    quote_spanned! {here=>
        __routes.#occasion(#new #serial #returns #(#enhancers)* #(#pipes)*, Self::#function);
    }
}

// With the user's hygiene, where `#[track_caller]` sees it.
fn new(Handler { occasion, ident, .. }: &Handler) -> TokenStream {
    let (here, name) = (ident.span(), name_of(ident));
    match occasion {
        Occasion::Message(Subscription { event: Expr::Infer(_), .. }) => {
            quote_spanned!(here=> __gateway::MessageFacts::of_others(#name))
        }
        Occasion::Message(Subscription { event, .. }) => {
            quote_spanned!(here=> __gateway::MessageFacts::new(#event, #name))
        }
        Occasion::Hook(_) => quote_spanned!(here=> __gateway::HookFacts::new(#name)),
    }
}

/// What the handler takes, how it is called, and what becomes of its output.
pub(super) fn function(handler: &Handler, function: &Ident) -> (TokenStream, TokenStream) {
    let Handler { ident, arguments, .. } = handler;
    let here = located(ident.span());
    let names: Vec<Ident> =
        (0..arguments.len()).map(|index| format_ident!("__arg_{index}", span = here)).collect();
    let pattern = list(here, names.iter(), ToTokens::to_token_stream);
    let indexed = || arguments.iter().enumerate();
    let types = list(here, arguments.iter(), |argument| argument.ty.to_token_stream());
    let probes =
        list(here, indexed(), |(index, argument)| probe(index, argument).into_token_stream());
    let extractions = list(here, indexed(), |(index, argument)| extraction(index, argument));
    let codecs = indexed().filter(|(_, argument)| takes_identity(argument));
    let codecs = codecs.map(|(index, argument)| codec(index, argument));
    let (occasion, outcome) = occasion(handler);
    let (prepared, finish) = (prepared(handler), finish(handler));
    let signature = quote_spanned! {here=>
        fn #function(__asked: __gateway::Asked<'_, Self>) -> __gateway::Answered<'_, #outcome>
    };
    let body = quote_spanned! {here=>
        {
            let #probes = __asked.parameters::<#occasion, #types>();
            #(#codecs)*
            let #prepared = __asked.prepare(
                #extractions,
                |__this, #pattern| Self::#ident(__this, #(#names),*),
            );
            #finish
        }
    };
    (signature, body)
}

fn prepared(handler: &Handler) -> Ident {
    Ident::new("__prepared", handler.ident.span())
}

// What becomes of the method's output. What is required of it has the user's hygiene: the compiler then reports it
// at the return type, and a future that cannot be sent to another thread at the handler's name, not at our attribute.
fn finish(handler: &Handler) -> TokenStream {
    let at = handler.returns.as_ref().map_or_else(|| handler.ident.span(), Spanned::span);
    let (here, peeled, peel) = (located(at), Ident::new("__peeled", at), Ident::new("peel", at));
    let lent = quote_spanned!(at=> &#peeled);
    // A handler without a return type returns nothing that could conflict with an `Ack`.
    let arguments = match (&handler.occasion, &handler.returns) {
        (Occasion::Message(_), Some(_)) => handler.arguments.as_slice(),
        _ => &[],
    };
    let beside = arguments.iter().enumerate().map(|(index, argument)| {
        let probe = probe(index, argument);
        quote_spanned!(at=> (&&#probe).admits(#lent);)
    });
    let (prepared, answer) = (prepared(handler), Ident::new("answer", handler.ident.span()));
    let finish = match handler.occasion {
        Occasion::Message(_) => {
            quote_spanned!(here=> (&__gateway::Kind::of(#lent)).kind().finish(#lent))
        }
        Occasion::Hook(_) => quote_spanned!(here=> __gateway::finish_hook(#lent)),
    };
    quote_spanned! {here=>
        let #peeled = (&&&&#prepared.output()).#peel();
        #(#beside)*
        #prepared.#answer(#finish)
    }
}

// Nested pairs, so that there may be any number of them.
fn list<T>(
    here: Span,
    items: impl DoubleEndedIterator<Item = T>,
    tokens: impl Fn(T) -> TokenStream,
) -> TokenStream {
    items.rev().fold(quote_spanned!(here=> ()), |rest, item| {
        let item = tokens(item);
        quote_spanned!(here=> (#item, #rest))
    })
}

// When it is called, and what a call comes to.
fn occasion(handler: &Handler) -> (TokenStream, TokenStream) {
    match handler.occasion {
        Occasion::Message(_) => (quote!(__gateway::Message), quote!(__gateway::Reply)),
        Occasion::Hook(Hook::Connection) => (quote!(__gateway::Connection), quote!(())),
        Occasion::Hook(Hook::Disconnect) => (quote!(__gateway::Disconnection), quote!(())),
        Occasion::Hook(Hook::Init) => (quote!(__gateway::Init), quote!(())),
    }
}

// The probe of the parameter at `index`. It has the span and the hygiene of the parameter's type, which are the user's: the
// compiler then reports a broken bound of its methods there, and not at our attribute.
fn probe(index: usize, Argument { ty, .. }: &Argument) -> Ident {
    format_ident!("__probe_{index}", span = ty.span())
}

// One span for all of it: a type that is not an extractor may break several of the compiler's rules here, and it reports
// one error per span.
fn extraction(index: usize, argument: &Argument) -> TokenStream {
    let here = argument.ty.span();
    let probe = probe(index, argument);
    let known = quote_spanned!(here=> (&&(&&&#probe).known()));
    if argument.pipes.is_empty() {
        return quote_spanned!(here=> #known.sought());
    }
    let position = position(index);
    quote_spanned!(here=> #known.sought_at::<#position>())
}

// How the identity that it takes is told to other processes.
fn codec(index: usize, argument: &Argument) -> TokenStream {
    let probe = probe(index, argument);
    let here = located(argument.ty.span());
    quote_spanned!(here=> let __asked = __asked.codec((&&#probe.identity()).codec());)
}

// Whether to ask how the identity that it takes is told to other processes. By its name, and not for every parameter: that
// would be more code for each of them. For an identity of another name, the gateway's `authenticate = ..` says it.
fn takes_identity(argument: &Argument) -> bool {
    mentions(argument.ty.to_token_stream(), "Identity")
}

// The pipes of single parameters, with the parameters' positions after `&self`.
fn argument_pipes(handler: &Handler) -> Vec<TokenStream> {
    let arguments = handler.arguments.iter().enumerate();
    let pipes = arguments
        .flat_map(|(index, Argument { pipes, .. })| pipes.iter().map(move |pipe| (index, pipe)));
    pipes.map(|(index, pipe)| argument_pipe(index, pipe)).collect()
}

// Of a type without a name, what is written is the fact.
fn returns(handler: &Handler) -> Option<TokenStream> {
    let ty = handler.returns.as_ref()?;
    mentions(ty.to_token_stream(), "impl").then(|| {
        let written = readable(ty);
        quote!(.returns(#written))
    })
}
