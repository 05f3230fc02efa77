//! What is printed for a struct: the facts of a gateway, and how its fields are filled.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, LitStr, Member, Pat, Type};

use super::block::{declaration_block, emitted_by};
use super::enhancer::enhancer;
use super::{description, enclosed, located};
use crate::model::{Field, Gateway, GatewayOptions, Given, Injectable, Source, Value};
use crate::options::Ty;
use crate::tokens::ungrouped_type;

/// `impl Gateway`, `impl Injectable` and the registration.
pub(crate) fn gateway(gateway: &Gateway) -> TokenStream {
    let ident = &gateway.item.ident;
    let authenticator = authenticator(&gateway.options);
    let new = facts_of(ident);
    let codec = gateway.options.authenticator().map(|_| codec());
    let ladder = codec.as_ref().map(|_| super::ladders());
    let options = gateway.options.given.iter().map(|given| option(None, given));
    let enhancers = gateway.enhancers.iter().map(enhancer);
    let injectable = impl_injectable(ident, &gateway.fields);
    let registration =
        quote_spanned!(ident.span()=> __gateway::GatewayRegistration::of::<#ident>());
    // The events that it lists are declared as those of an impl block are.
    let emits = gateway.options.emits();
    let descriptions = emits.iter().map(description::event).collect();
    let declarations = (!emits.is_empty())
        .then(|| declaration_block(&ident.to_token_stream(), emits, &[], descriptions));
    enclosed(
        gateway.options.core(),
        &quote! {
            impl __gateway::Gateway for #ident {
                type Authenticator = #authenticator;
                fn facts() -> __gateway::GatewayFacts {
                    #ladder
                    #new #codec #(#options)* #(#enhancers)*
                }
            }
            #injectable
            __gateway::inventory::submit! { #registration }
            #declarations
        },
    )
}

/// As much of a gateway as its impl blocks need, for a struct with mistakes, which must not be reported again
/// wherever the gateway is used.
pub(crate) fn gateway_stub(ident: &Ident, options: &GatewayOptions) -> TokenStream {
    let authenticator = authenticator(options);
    let facts = facts_of(ident);
    let injectable = impl_stub(ident);
    let emits = options.emits().iter();
    let emits = emits.map(|event| emitted_by(event, &ident.to_token_stream()));
    enclosed(
        options.core(),
        &quote! {
            impl __gateway::Gateway for #ident {
                type Authenticator = #authenticator;
                fn facts() -> __gateway::GatewayFacts {
                    #facts
                }
            }
            #injectable
            #(#emits)*
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

// The registration of the service under the trait. The conversion has the trait's span, since it may fail.
fn alias(ident: &Ident, provides: &Type) -> TokenStream {
    let this = Ident::new("__this", provides.span());
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
    match options.authenticator() {
        Some(ty) => quote!(#ty),
        None => quote!(__gateway::Inherited),
    }
}

// How the identity is told to other processes: only here is its type concrete. A reference for each step of core's ladder.
fn codec() -> TokenStream {
    quote! {
        .codec((&&__gateway::IdentityProbe::<<Self as __gateway::Gateway>::Authenticator>::OF).codec())
    }
}

// Each option is a method of the facts: `namespace`, and `cors_origins` for one of a group.
fn option(group: Option<&str>, Given { option, key, value }: &Given) -> TokenStream {
    let name = match group {
        Some(group) => format!("{group}_{}", option.name),
        None => option.name.to_owned(),
    };
    match value {
        // Those two determine the code around the options.
        Value::Core(_) | Value::Authenticator(_) | Value::Events(_) => TokenStream::new(),
        Value::On => setting(&name, Ty::Truth, &Expr::Verbatim(quote_spanned!(key.span()=> true))),
        Value::Setting(ty, value) => setting(&name, *ty, value),
        Value::Group(group, given) => {
            // With the span of the option's name, where the compiler reports a trait that is not implemented.
            let own = group.states.map(|facts| {
                let span = located(key.span());
                let (name, facts) = (Ident::new(&name, span), Ident::new(facts, span));
                quote_spanned!(span=> .#name(__gateway::#facts::of::<Self>()))
            });
            let given = given.iter().map(|given| self::option(Some(option.name), given));
            quote!(#own #(#given)*)
        }
    }
}

fn setting(name: &str, ty: Ty, value: &Expr) -> TokenStream {
    let span = located(value.span());
    let name = Ident::new(name, span);
    // The type is named, so that the compiler's error about a wrong value mentions the option's type.
    let ty = match ty {
        Ty::Text => quote!(::std::string::String),
        Ty::Texts => quote!(::std::vec::Vec<::std::string::String>),
        Ty::Count => quote!(::core::primitive::usize),
        Ty::Time => quote!(::core::time::Duration),
        Ty::Truth => quote!(::core::primitive::bool),
        Ty::OfCore => quote!(_),
    };
    let constructor = match value {
        Expr::Closure(_) => quote_spanned!(span=> from_provider),
        _ => quote_spanned!(span=> fixed),
    };
    quote_spanned!(span=> .#name(__gateway::Setting::<#ty>::#constructor(#value)))
}

fn impl_injectable(ident: &Ident, fields: &[Field]) -> TokenStream {
    let declarations = fields.iter().flat_map(declarations);
    let values = fields.iter().map(value);
    let is_taken = |field: &Field| matches!(field.source, Source::Injected | Source::Computed(_));
    let takes = fields.iter().any(is_taken);
    let provider = Ident::new("__provider", Span::mixed_site());
    let provider = if takes { quote!(#provider) } else { quote!(_) };
    quote_spanned! {Span::mixed_site()=>
        #[diagnostic::do_not_recommend]
        impl __gateway::Injectable for #ident {
            fn dependencies() -> __gateway::Dependencies {
                let __dependencies = __gateway::Dependencies::new();
                #(#declarations)*
                __dependencies
            }
            fn build(#provider: &mut __gateway::Provider) -> Self {
                Self { #(#values),* }
            }
        }
    }
}

fn declarations(field: &Field) -> Vec<TokenStream> {
    let Field { member, ty, cfgs, source, .. } = field;
    let name = match member {
        Member::Named(ident) => name_of(ident),
        Member::Unnamed(index) => LitStr::new(&index.index.to_string(), index.span),
    };
    // With the user's span, because the calls record the line for the start report.
    let calls = match source {
        Source::Injected => vec![quote_spanned!(ty.span()=> .field::<#ty>(#name))],
        Source::Computed(closure) => {
            let services = closure.inputs.iter().filter_map(borrowed);
            let call =
                |service: &Type| quote_spanned!(service.span()=> .initializer::<#service>(#name));
            services.map(call).collect()
        }
        Source::Default | Source::Value(_) => Vec::new(),
    };
    let dependencies = Ident::new("__dependencies", Span::mixed_site());
    let declaration = |call| quote!(#(#cfgs)* let #dependencies = #dependencies #call;);
    calls.into_iter().map(declaration).collect()
}

// The `T` of a parameter `name: &T`.
fn borrowed(parameter: &Pat) -> Option<&Type> {
    let Pat::Type(parameter) = parameter else { return None };
    match ungrouped_type(&parameter.ty) {
        Type::Reference(reference) => Some(&*reference.elem),
        _ => None,
    }
}

fn value(field: &Field) -> TokenStream {
    let Field { member, ty, cfgs, source, .. } = field;
    let span = located(ty.span());
    let value = match source {
        Source::Injected => {
            let provider = Ident::new("__provider", Span::mixed_site());
            quote_spanned!(span=> #provider.take())
        }
        Source::Computed(closure) => {
            let provider = Ident::new("__provider", Span::mixed_site());
            quote_spanned!(span=> __gateway::Factory::make(#closure, #provider))
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
