//! What is printed for an impl block: one statement a handler, and the registration.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::enhancer::{argument_pipe, enhancer, position};
use super::object::name_of;
use super::{enclosed, located};
use crate::check::signature::{mentions, readable};
use crate::model::{Argument, Block, Handler, Hook, Occasion, Subscription};

/// `impl HandlerBlock` and the registration.
pub(crate) fn block(block: &Block) -> TokenStream {
    let ty = &block.item.self_ty;
    let handlers = block.handlers.iter().map(handler);
    let has_messages =
        block.handlers.iter().any(|handler| matches!(handler.occasion, Occasion::Message(_)));
    // The traits that tell a reply's kind by its type, without their names: those are the user's to
    // give. Only where there is a reply, because an unused import would be a warning.
    let ladder = has_messages.then(|| {
        quote_spanned! {Span::mixed_site()=>
            use __gateway::reply_ladder::{
                KindOfEvent as _, KindOfStream as _, KindOfValue as _, PeelPlain as _,
                PeelResult as _,
            };
        }
    });
    let registration = quote_spanned! {ty.span()=>
        __gateway::BlockRegistration::of::<#ty, __Block>()
    };
    enclosed(
        block.core.as_ref(),
        &quote_spanned! {Span::mixed_site()=>
            struct __Block;
            impl __gateway::HandlerBlock<__Block> for #ty {
                fn declare(routes: &mut __gateway::Routes<Self>) {
                    #ladder
                    #(#handlers)*
                }
            }
            __gateway::inventory::submit! { #registration }
        },
    )
}

fn handler(handler: &Handler) -> TokenStream {
    match &handler.occasion {
        Occasion::Message(subscription) => message(handler, subscription),
        Occasion::Hook(moment) => hook(handler, *moment),
    }
}

// All of it stands at the handler's name, for the compiler's word on futures that cannot be sent
// to another thread.
fn message(handler: &Handler, subscription: &Subscription) -> TokenStream {
    let Handler { ident, cfgs, enhancers, .. } = handler;
    let (event, name) = (&subscription.event, name_of(ident));
    let new = quote_spanned!(ident.span()=> __gateway::MessageFacts::new(#event, #name));
    let serial = subscription.serial.then(|| quote!(.serial()));
    let arguments = arguments(handler);
    let returns = returns(handler);
    let enhancers = enhancers.iter().map(enhancer);
    let pipes = argument_pipes(handler);
    let output = output(handler);
    let reply = quote_spanned! {located(output.span())=>
        let #output = (&__gateway::Peel::of(&#output)).peel(#output)?;
        (&__gateway::Kind::of(&#output)).kind().reply(#output, &call)
    };
    let body = body(handler, &quote!(Message), &reply);
    quote_spanned! {located(ident.span())=>
        #(#cfgs)*
        routes.message(#new #serial #arguments #returns #(#enhancers)* #(#pipes)*, #body);
    }
}

fn hook(handler: &Handler, moment: Hook) -> TokenStream {
    let Handler { ident, cfgs, enhancers, .. } = handler;
    let enhancers = enhancers.iter().map(enhancer);
    let method = Ident::new(moment.attribute(), Span::mixed_site());
    let occasion = occasion_of(moment);
    let name = name_of(ident);
    let new = quote_spanned!(ident.span()=> __gateway::HookFacts::new(#name));
    let arguments = arguments(handler);
    let output = output(handler);
    let finish = quote_spanned!(located(output.span())=> __gateway::finish_hook(#output));
    let body = body(handler, &occasion, &finish);
    quote_spanned! {located(ident.span())=>
        #(#cfgs)*
        routes.#method(#new #arguments #(#enhancers)*, #body);
    }
}

// What runs: the arguments extracted in order, the call, and what becomes of its output. The
// method is named by its type, because `gateway.clone()` would be `Arc`'s.
fn body(handler: &Handler, occasion: &TokenStream, finish: &TokenStream) -> TokenStream {
    let Handler { ident, arguments, .. } = handler;
    let here = located(ident.span());
    let output = output(handler);
    let names: Vec<Ident> =
        (0..arguments.len()).map(|index| format_ident!("argument_{index}", span = here)).collect();
    let extract = names.iter().zip(arguments).enumerate();
    let extract =
        extract.map(|(index, (name, argument))| extract_one(index, name, argument, occasion));
    // A name that nothing reads, or a `mut` that nothing needs, would be a warning.
    let call = match handler.occasion {
        _ if !arguments.is_empty() => quote_spanned!(here=> mut call),
        Occasion::Message(_) => quote_spanned!(here=> call),
        Occasion::Hook(_) => quote_spanned!(here=> _),
    };
    quote_spanned! {here=>
        |gateway: __gateway::Arc<Self>, #call: __gateway::Call| async move {
            #(#extract)*
            let #output = Self::#ident(&gateway, #(#names),*).await;
            #finish
        }
    }
}

// With the user's hygiene and one span for all of it: a type that is no extractor breaks several of
// the compiler's rules here, and it reports one error a span.
fn extract_one(
    index: usize,
    name: &Ident,
    argument: &Argument,
    occasion: &TokenStream,
) -> TokenStream {
    let Argument { ty, pipes } = argument;
    let here = ty.span();
    let call = Ident::new("call", located(here));
    let value = if pipes.is_empty() {
        quote_spanned! {here=>
            __gateway::extract::<Self, __gateway::#occasion, _>(&mut #call).await?
        }
    } else {
        let index = position(index);
        quote_spanned! {here=>
            __gateway::extract_at::<Self, __gateway::#occasion, _>(&mut #call, #index).await?
        }
    };
    quote_spanned!(located(here)=> let #name: #ty = #value;)
}

// What each argument says of the handler: the type of its payload, the services it takes. At the
// span of the extraction, for the same reason.
fn arguments(handler: &Handler) -> TokenStream {
    let occasion = match handler.occasion {
        Occasion::Message(_) => None,
        Occasion::Hook(hook) => {
            let occasion = occasion_of(hook);
            Some(quote!(__gateway::#occasion,))
        }
    };
    let argument = |Argument { ty, .. }: &Argument| {
        let here = ty.span();
        let ty = moved(ty.to_token_stream(), here);
        quote_spanned!(here=> .argument::<Self, #occasion #ty>())
    };
    handler.arguments.iter().map(argument).collect()
}

// The pipes of single parameters, with the parameters' positions behind `&self`.
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

// `impl Trait` cannot be named where a type is asked for: then the words themselves are the fact.
fn returns(handler: &Handler) -> Option<TokenStream> {
    let ty = handler.returns.as_ref()?;
    if mentions(ty.to_token_stream(), "impl") {
        let written = readable(ty);
        return Some(quote!(.returns_opaque(#written)));
    }
    Some(quote!(.returns::<#ty>()))
}

// The handler's output, at its return type and with the user's hygiene: it is the word the
// compiler underlines when the type cannot be sent.
fn output(handler: &Handler) -> Ident {
    let span = handler.returns.as_ref().map_or_else(|| handler.ident.span(), Spanned::span);
    Ident::new("output", span)
}
