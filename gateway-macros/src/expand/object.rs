//! What is printed for a struct: the facts of a gateway, and how its fields are filled.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, LitStr, Member, Type};

use super::enhancer::enhancer;
use super::{enclosed, located};
use crate::model::{Cors, Field, Gateway, GatewayOptions, Injectable, Presence, Setting, Source};

/// `impl Gateway`, `impl Injectable` and the registration.
pub(crate) fn gateway(gateway: &Gateway) -> TokenStream {
    let ident = &gateway.item.ident;
    let authenticator = authenticator(&gateway.options);
    let new = facts_of(ident);
    let options = options(&gateway.options);
    let enhancers = gateway.enhancers.iter().map(enhancer);
    let injectable = impl_injectable(ident, &gateway.fields);
    let registration =
        quote_spanned!(ident.span()=> __gateway::GatewayRegistration::of::<#ident>());
    enclosed(
        gateway.options.core.as_ref(),
        &quote! {
            impl __gateway::Gateway for #ident {
                type Authenticator = #authenticator;
                fn facts() -> __gateway::GatewayFacts {
                    #new #options #(#enhancers)*
                }
            }
            #injectable
            __gateway::inventory::submit! { #registration }
        },
    )
}

/// As much of a gateway as its impl blocks need, for a struct with mistakes: they must not be
/// reported again wherever the gateway is used.
pub(crate) fn gateway_stub(ident: &Ident, options: &GatewayOptions) -> TokenStream {
    let authenticator = authenticator(options);
    let facts = facts_of(ident);
    let injectable = impl_stub(ident);
    enclosed(
        options.core.as_ref(),
        &quote! {
            impl __gateway::Gateway for #ident {
                type Authenticator = #authenticator;
                fn facts() -> __gateway::GatewayFacts {
                    #facts
                }
            }
            #injectable
        },
    )
}

/// `impl Injectable` and the registration.
pub(crate) fn injectable(injectable: &Injectable) -> TokenStream {
    let ident = &injectable.item.ident;
    let implementation = impl_injectable(ident, &injectable.fields);
    let registration =
        quote_spanned!(ident.span()=> __gateway::InjectableRegistration::of::<#ident>());
    let alias = injectable.options.provides.as_ref().map(|provides| alias(ident, provides));
    enclosed(
        injectable.options.core.as_ref(),
        &quote! {
            #implementation
            __gateway::inventory::submit! { #registration }
            #alias
        },
    )
}

// The trait's name for the service. The conversion stands at the trait, where it may fail.
fn alias(ident: &Ident, provides: &Type) -> TokenStream {
    let this = Ident::new("this", provides.span());
    let upcast = quote_spanned! {located(provides.span())=>
        fn upcast(#this: __gateway::Arc<Self>) -> __gateway::Arc<#provides> {
            #this
        }
    };
    let registration =
        quote_spanned!(ident.span()=> __gateway::AliasRegistration::of::<#ident, #provides>());
    quote! {
        impl __gateway::ProvidedAs<#provides> for #ident {
            #upcast
        }
        __gateway::inventory::submit! { #registration }
    }
}

/// The same for a struct with mistakes.
pub(crate) fn injectable_stub(ident: &Ident, core: Option<&syn::Path>) -> TokenStream {
    enclosed(core, &impl_stub(ident))
}

/// An identifier as a string, without `r#`.
pub(super) fn name_of(ident: &Ident) -> LitStr {
    let name = ident.to_string();
    LitStr::new(name.strip_prefix("r#").unwrap_or(&name), ident.span())
}

fn facts_of(ident: &Ident) -> TokenStream {
    let name = name_of(ident);
    quote_spanned!(ident.span()=> __gateway::GatewayFacts::new::<Self>(#name))
}

fn authenticator(options: &GatewayOptions) -> TokenStream {
    match &options.authenticate {
        Some(ty) => quote!(#ty),
        None => quote!(__gateway::Inherited),
    }
}

fn options(options: &GatewayOptions) -> TokenStream {
    let serial = options.serial.then(|| quote!(.serial()));
    // The type is named, so that the compiler's word on a wrong value is about the option.
    let text = quote!(::std::string::String);
    let count = quote!(::core::primitive::usize);
    let settings = [
        ("namespace", &text, &options.namespace),
        ("concurrency", &count, &options.concurrency),
        ("inbox_messages", &count, &options.inbox_messages),
        ("inbox_bytes", &count, &options.inbox_bytes),
        ("overflow", &quote!(_), &options.overflow),
        ("reauthenticate", &text, &options.reauthenticate),
    ];
    let settings = settings
        .into_iter()
        .filter_map(|(name, ty, setting)| Some(option(name, ty, setting.as_ref()?)));
    let cors = options.cors.as_ref().map(cors);
    let presence = options.presence.as_ref().map(presence);
    quote!(#serial #(#settings)* #cors #presence)
}

fn cors(cors: &Cors) -> TokenStream {
    let texts = quote!(::std::vec::Vec<::std::string::String>);
    let origins = cors.origins.as_ref().map(|setting| option("origins", &texts, setting));
    let truth = quote!(::core::primitive::bool);
    let credentials =
        cors.credentials.as_ref().map(|setting| option("credentials", &truth, setting));
    quote!(.cors(__gateway::CorsFacts::new() #origins #credentials))
}

fn presence(Presence { key, grace }: &Presence) -> TokenStream {
    let time = quote!(::core::time::Duration);
    let grace = grace.as_ref().map(|setting| option("grace", &time, setting));
    // At the option's name: there a gateway that does not implement the trait is told so.
    let facts = quote_spanned!(located(key.span())=> __gateway::PresenceFacts::of::<Self>());
    quote!(.presence(#facts #grace))
}

fn option(name: &str, ty: &TokenStream, Setting { value }: &Setting) -> TokenStream {
    let span = located(value.span());
    let name = Ident::new(name, span);
    let constructor = match value {
        Expr::Closure(_) => quote_spanned!(span=> from_provider),
        _ => quote_spanned!(span=> fixed),
    };
    quote_spanned!(span=> .#name(__gateway::Setting::<#ty>::#constructor(#value)))
}

fn impl_injectable(ident: &Ident, fields: &[Field]) -> TokenStream {
    let declarations = fields.iter().filter_map(declaration);
    let values = fields.iter().map(value);
    let takes = fields.iter().any(|field| matches!(field.source, Source::Injected));
    let provider = Ident::new(if takes { "provider" } else { "_provider" }, Span::mixed_site());
    quote_spanned! {Span::mixed_site()=>
        #[diagnostic::do_not_recommend]
        impl __gateway::Injectable for #ident {
            fn dependencies() -> __gateway::Dependencies {
                let dependencies = __gateway::Dependencies::new();
                #(#declarations)*
                dependencies
            }
            fn build(#provider: &mut __gateway::Provider) -> Self {
                Self { #(#values),* }
            }
        }
    }
}

fn declaration(field: &Field) -> Option<TokenStream> {
    let Field { member, ty, cfgs, source: Source::Injected } = field else {
        return None;
    };
    let name = match member {
        Member::Named(ident) => name_of(ident),
        Member::Unnamed(index) => LitStr::new(&index.index.to_string(), index.span),
    };
    let dependencies = Ident::new("dependencies", Span::mixed_site());
    let call = field_call(ty, &name);
    Some(quote!(#(#cfgs)* let #dependencies = #dependencies #call;))
}

// The user's span: `field` notes the line, for the report of what nothing provides.
fn field_call(ty: &Type, name: &LitStr) -> TokenStream {
    quote_spanned!(ty.span()=> .field::<#ty>(#name))
}

fn value(field: &Field) -> TokenStream {
    let Field { member, ty, cfgs, source } = field;
    let span = located(ty.span());
    let value = match source {
        Source::Injected => {
            let provider = Ident::new("provider", Span::mixed_site());
            quote_spanned!(span=> #provider.take())
        }
        Source::Default => quote_spanned!(span=> __gateway::Default::default()),
        Source::Value(value) => quote!(#value),
    };
    quote!(#(#cfgs)* #member: #value)
}

fn impl_stub(ident: &Ident) -> TokenStream {
    quote! {
        impl __gateway::Injectable for #ident {
            fn dependencies() -> __gateway::Dependencies {
                __gateway::Dependencies::new()
            }
            fn build(_: &mut __gateway::Provider) -> Self {
                ::core::unreachable!()
            }
        }
    }
}
