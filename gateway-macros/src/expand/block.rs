//! What is printed for an impl block: one function per handler, and the registration.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ImplItem, ItemImpl, Type, parse_quote};

use super::enhancer::{argument_pipe, enhancer, position};
use super::object::name_of;
use super::{description, enclosed, located};
use crate::model::{Argument, Block, Handler, Hook, Occasion, Subscription};
use crate::tokens::{mentions, readable};

/// `impl HandlerBlock` for these handlers of the block, and the registration.
///
/// There is one function per handler: within a single function, the compiler would look at each future that is
/// still to be proven `Send` once more for every other one, and a thousand handlers would take a minute. The
/// functions belong to a trait because the handlers' types may mention `Self`.
pub(crate) fn block(block: &Block, handlers: &[&Handler]) -> TokenStream {
    let ty = &block.item.self_ty;
    let is_message = |handler: &&&Handler| matches!(handler.occasion, Occasion::Message(_));
    let has_messages = handlers.iter().any(|handler| is_message(&handler));
    let has_parameters = handlers.iter().filter(is_message).any(|one| !one.arguments.is_empty());
    // The traits that tell what a parameter or a reply is by its type, without their names: those are the
    // user's to give. Only where there is one, because an unused import would be a warning.
    let parameters = has_parameters.then(|| {
        quote_spanned! {Span::mixed_site()=>
            use __gateway::parameter_ladder::{
                Extraction as _, IsAck as _, IsAnything as _, IsExtractor as _, IsList as _,
                IsNoExtractor as _, IsPayload as _,
            };
        }
    });
    let identity = handlers.iter().any(|one| one.arguments.iter().any(takes_identity));
    let identity = identity.then(super::identity_ladder);
    let kinds = has_messages.then(|| {
        quote_spanned! {Span::mixed_site()=>
            use __gateway::reply_ladder::{
                KindOfEvent as _, KindOfEvents as _, KindOfStream as _, KindOfValue as _,
            };
        }
    });
    let cfgs: Vec<_> = handlers.iter().map(|one| &one.cfgs).collect();
    let names: Vec<_> =
        (0..handlers.len()).map(|index| format_ident!("__declare_{index}")).collect();
    let statements = handlers.iter().map(|one| handler(one));
    let emits = &block.options.emits;
    let descriptions = handlers.iter().filter_map(|one| match &one.occasion {
        Occasion::Message(subscription) => Some(description::handler(one, subscription)),
        Occasion::Hook(_) => None,
    });
    let descriptions = emits.iter().map(description::event).chain(descriptions).collect();
    let calls: Vec<TokenStream> = names
        .iter()
        .zip(&cfgs)
        .map(|(name, cfgs)| {
            quote_spanned!(Span::mixed_site()=> #(#cfgs)* <Self as __Handlers>::#name(__routes);)
        })
        .collect();
    let declarations = declaration_block(&quote!(#ty), emits, &calls, descriptions);
    let methods = (!handlers.is_empty()).then(|| {
        quote_spanned! {Span::mixed_site()=>
            use __gateway::reply_ladder::{
                PeelMistake as _, PeelPlain as _, PeelResult as _, PeelWrapped as _,
            };
            #parameters
            #identity
            #kinds
            trait __Handlers: ::core::marker::Sized {
                #(#(#cfgs)* fn #names(__routes: &mut __gateway::Routes<Self>);)*
            }
            impl __Handlers for #ty {
                #(#(#cfgs)* fn #names(__routes: &mut __gateway::Routes<Self>) { #statements })*
            }
        }
    });
    enclosed(
        block.options.core.as_ref(),
        &quote_spanned! {Span::mixed_site()=>
            #methods
            #declarations
        },
    )
}

/// `impl HandlerBlock` and its registration: what the gateway emits, the `calls` that declare its handlers, and how the
/// contract describes all of it.
pub(super) fn declaration_block(
    gateway: &TokenStream,
    emits: &[Type],
    calls: &[TokenStream],
    descriptions: Vec<TokenStream>,
) -> TokenStream {
    let parameter = |name: &str, of: &[TokenStream]| match of {
        [] => quote_spanned!(Span::mixed_site()=> _),
        _ => Ident::new(name, Span::mixed_site()).into_token_stream(),
    };
    let may_emit = emits.iter().map(|event| emitted_by(event, gateway));
    let listed: Vec<TokenStream> = emits.iter().map(listed).chain(calls.iter().cloned()).collect();
    let routes = parameter("__routes", &listed);
    let describe = (!descriptions.is_empty()).then(|| {
        quote_spanned! {Span::mixed_site()=>
            fn describe(__description: &mut __gateway::BlockDescription) {
                #(#descriptions)*
            }
        }
    });
    let registration = quote_spanned! {gateway.span()=>
        __gateway::BlockRegistration::of::<#gateway, __Block>()
    };
    quote_spanned! {Span::mixed_site()=>
        #(#may_emit)*
        struct __Block;
        impl __gateway::HandlerBlock<__Block> for #gateway {
            fn declare(#routes: &mut __gateway::Routes<Self>) {
                #(#listed)*
            }
            #describe
        }
        __gateway::inventory::submit! { #registration }
    }
}

/// That the gateway emits the event.
pub(super) fn emitted_by(event: &Type, gateway: &TokenStream) -> TokenStream {
    quote_spanned!(event.span()=> impl __gateway::EmittedBy<#gateway> for #event {})
}

// With the span of the type, where the compiler reports that it is not an event.
fn listed(event: &Type) -> TokenStream {
    let routes = Ident::new("__routes", located(event.span()));
    quote_spanned!(event.span()=> #routes.emits::<#event>();)
}

/// The block as the user wrote it. A handler that awaits nothing must still be `async`, so the lint about that is
/// silenced.
pub(crate) fn excused(block: &Block) -> ItemImpl {
    let mut item = block.item.clone();
    let mut methods = block.methods.iter();
    for entry in &mut item.items {
        if let ImplItem::Fn(entry) = entry
            && methods.next().is_some_and(|method| method.handler.is_some())
            && !mentions(entry.block.to_token_stream(), "await")
        {
            entry.attrs.insert(0, parse_quote!(#[allow(clippy::unused_async)]));
        }
    }
    item
}

fn handler(handler: &Handler) -> TokenStream {
    match &handler.occasion {
        Occasion::Message(subscription) => message(handler, subscription),
        Occasion::Hook(moment) => hook(handler, *moment),
    }
}

// All of it has the span of the handler's name, where the compiler then reports futures that cannot be sent to
// another thread.
fn message(handler: &Handler, subscription: &Subscription) -> TokenStream {
    let Handler { ident, enhancers, .. } = handler;
    let (event, name) = (&subscription.event, name_of(ident));
    let new = match event {
        Expr::Infer(_) => quote_spanned!(ident.span()=> __gateway::MessageFacts::of_others(#name)),
        _ => quote_spanned!(ident.span()=> __gateway::MessageFacts::new(#event, #name)),
    };
    let serial = subscription.serial.then(|| quote!(.serial()));
    let arguments = arguments(handler);
    let returns = returns(handler);
    let enhancers = enhancers.iter().map(enhancer);
    let pipes = argument_pipes(handler);
    let output = output(handler);
    let peeled = peeled(&output);
    // A handler without a return type returns nothing that could conflict with an `Ack`.
    let parameters = handler.returns.iter().flat_map(|_| handler.arguments.iter().enumerate());
    let beside = parameters.map(|(index, argument)| {
        let known = known_name(index, output.span().resolved_at(argument.ty.span()));
        quote_spanned!(output.span()=> #known.beside(&#output);)
    });
    let reply = quote_spanned! {located(output.span())=>
        #peeled
        #(#beside)*
        (&__gateway::Kind::of(&#output)).kind().reply(#output, __call)
    };
    let body = body(handler, &reply);
    quote_spanned! {located(ident.span())=>
        __routes.message(#new #serial #arguments #returns #(#enhancers)* #(#pipes)*, #body);
    }
}

fn hook(handler: &Handler, moment: Hook) -> TokenStream {
    let Handler { ident, enhancers, .. } = handler;
    let enhancers = enhancers.iter().map(enhancer);
    let method = Ident::new(moment.attribute(), Span::mixed_site());
    let name = name_of(ident);
    let new = quote_spanned!(ident.span()=> __gateway::HookFacts::new(#name));
    let arguments = arguments(handler);
    let output = output(handler);
    let peeled = peeled(&output);
    let finish = quote_spanned! {located(output.span())=>
        #peeled
        __gateway::finish_hook(#output)
    };
    let body = body(handler, &finish);
    quote_spanned! {located(ident.span())=>
        __routes.#method(#new #arguments #(#enhancers)*, #body);
    }
}

// The output without its `Result`. A reference for each step of core's ladder.
fn peeled(output: &Ident) -> TokenStream {
    quote_spanned! {located(output.span())=>
        let #output = (&&&&__gateway::Peel::of(&#output)).peel(#output);
    }
}

// What runs: the arguments extracted in order, the call, and what becomes of its output. The
// method is named by its type, because `gateway.clone()` would be `Arc`'s.
fn body(handler: &Handler, finish: &TokenStream) -> TokenStream {
    let Handler { ident, arguments, .. } = handler;
    let here = located(ident.span());
    let output = output(handler);
    let names: Vec<Ident> =
        (0..arguments.len()).map(|index| format_ident!("__arg_{index}", span = here)).collect();
    let extract = match handler.occasion {
        Occasion::Message(_) => extract_from_message(&names, arguments, here),
        Occasion::Hook(hook) => {
            let extract = names.iter().zip(arguments);
            extract.map(|(name, argument)| extract_for_hook(name, argument, hook)).collect()
        }
    };
    // A name that nothing reads would be a warning.
    let call = match handler.occasion {
        Occasion::Hook(_) if arguments.is_empty() => quote_spanned!(here=> _),
        _ => quote_spanned!(here=> __call),
    };
    // What it is called with is only lent to it: whatever the future owned would be dropped by code of its own, in
    // each handler once for every way out.
    quote_spanned! {here=>
        |__this: &__gateway::Arc<Self>, #call: &__gateway::Call| __gateway::Box::pin(async move {
            #extract
            let #output = Self::#ident(__this, #(#names),*).await;
            #finish
        })
    }
}

// All arguments in one `await`: nested pairs, so that there may be any number of them.
fn extract_from_message(names: &[Ident], arguments: &[Argument], here: Span) -> TokenStream {
    let probes = arguments.iter().enumerate().map(|(index, argument)| probe(index, argument));
    let pairs = |tokens: Vec<TokenStream>| {
        tokens.into_iter().rev().reduce(|rest, first| quote_spanned!(here=> (#first, #rest)))
    };
    let Some(names) = pairs(names.iter().map(ToTokens::to_token_stream).collect()) else {
        return TokenStream::new();
    };
    let extractions = arguments.iter().enumerate();
    let extractions =
        pairs(extractions.map(|(index, argument)| extraction(index, argument)).collect());
    quote_spanned! {here=>
        #(#probes)*
        let __args = #extractions;
        let #names = __args.extracted(__call).await?;
    }
}

fn probe(index: usize, argument: &Argument) -> TokenStream {
    let here = argument.ty.span();
    let known = known_name(index, here);
    let ty = moved(argument.ty.to_token_stream(), here);
    let this = Ident::new("__this", located(here));
    let probe = quote_spanned!(here=> (&&&__gateway::Probe::<#ty>::OF).known(#this));
    quote_spanned!(located(here)=> let #known = #probe;)
}

// With the user's hygiene and one span for all of it: a type that is not an extractor breaks several of the
// compiler's rules here, and it reports one error per span.
fn extraction(index: usize, argument: &Argument) -> TokenStream {
    let Argument { ty, pipes } = argument;
    let here = ty.span();
    let known = known_name(index, here);
    if pipes.is_empty() {
        return quote_spanned!(here=> (&&#known).sought());
    }
    let position = position(index);
    quote_spanned!(here=> (&&#known).sought_at(#position))
}

fn extract_for_hook(name: &Ident, argument: &Argument, hook: Hook) -> TokenStream {
    let ty = &argument.ty;
    let here = ty.span();
    let call = Ident::new("__call", located(here));
    let occasion = occasion_of(hook);
    let value = quote_spanned! {here=>
        __gateway::extract::<Self, __gateway::#occasion, _>(#call).await?
    };
    quote_spanned!(located(here)=> let #name: #ty = #value;)
}

// What is known of the parameter at `index`. It has the parameter's own hygiene, which is the user's: the
// compiler then reports a broken bound of its methods there, and not at our attribute.
fn known_name(index: usize, of: Span) -> Ident {
    format_ident!("__known_{index}", span = of)
}

// What each argument says about the handler: the type of its payload, the services it takes, how the identity it takes
// is told to other processes. With the span of the extraction, for the same reason.
fn arguments(handler: &Handler) -> TokenStream {
    let occasion = match handler.occasion {
        Occasion::Message(_) => None,
        Occasion::Hook(hook) => {
            let occasion = occasion_of(hook);
            Some(quote!(__gateway::#occasion,))
        }
    };
    let argument = |argument: &Argument| {
        let ty = &argument.ty;
        let here = ty.span();
        let ty = moved(ty.to_token_stream(), here);
        let codec = takes_identity(argument).then(
            || quote_spanned!(here=> .codec((&&__gateway::IdentityProbe::<#ty>::OF).codec())),
        );
        quote_spanned!(here=> .argument::<Self, #occasion #ty>() #codec)
    };
    handler.arguments.iter().map(argument).collect()
}

// Whether to ask how the identity that it takes is told to other processes. By its name, and not for every parameter: that
// would be a third more code per handler. For an identity of another name, the gateway's `authenticate = ..` says it.
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

// The same tokens, as if all of them stood at `here`.
fn moved(tokens: TokenStream, here: Span) -> TokenStream {
    let place = |mut token: TokenTree| {
        if let TokenTree::Group(group) = &token {
            token = Group::new(group.delimiter(), moved(group.stream(), here)).into();
        }
        token.set_span(here.resolved_at(token.span()));
        token
    };
    tokens.into_iter().map(place).collect()
}

fn occasion_of(hook: Hook) -> TokenStream {
    match hook {
        Hook::Connection => quote!(Connection),
        Hook::Disconnect => quote!(Disconnection),
        Hook::Init => quote!(Init),
    }
}

// `impl Trait` cannot be named where a type is needed: then its text is the fact.
fn returns(handler: &Handler) -> Option<TokenStream> {
    let ty = handler.returns.as_ref()?;
    if mentions(ty.to_token_stream(), "impl") {
        let written = readable(ty);
        return Some(quote!(.returns_opaque(#written)));
    }
    Some(quote!(.returns::<#ty>()))
}

// The handler's output, with the span of its return type and the user's hygiene: this is what the compiler
// underlines if the type cannot be sent.
fn output(handler: &Handler) -> Ident {
    let span = handler.returns.as_ref().map_or_else(|| handler.ident.span(), Spanned::span);
    Ident::new("__out", span)
}
