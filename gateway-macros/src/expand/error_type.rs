//! What is printed for an error that defines what a client is told about it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Fields;
use syn::spanned::Spanned;

use super::{enclosed, located};
use crate::model::{ErrorShape, ErrorType, ErrorVariant, Told};

/// `impl WsError` and the registration.
pub(crate) fn error_type(error: &ErrorType) -> TokenStream {
    let ident = &error.ident;
    let this = Ident::new("self", Span::mixed_site());
    let exception = match (&error.told.with, &error.shape) {
        (Some((_, with)), _) => quote_spanned!(located(with.span())=> (#with)(#this)),
        (None, ErrorShape::Enum(variants)) => {
            let arms = variants.iter().map(|variant| arm(variant, &error.told, &this));
            quote!(match #this { #(#arms)* })
        }
        (None, ErrorShape::Struct(fields)) => {
            let inner = pattern(&error.told, fields);
            let said = said(&error.told, &Told::default(), &this);
            quote!({ let Self #inner = #this; #said })
        }
        (None, ErrorShape::Union) => TokenStream::new(),
    };
    // With the span of the type's name, where the compiler reports that it is not a `std::error::Error`.
    let here = located(ident.span());
    let implementation = quote_spanned! {here=>
        impl __gateway::DerivedError for #ident {}
        impl __gateway::WsError for #ident {
            fn exception(&#this) -> __gateway::WsException {
                #exception
            }
        }
    };
    let registration = quote_spanned!(here=> __gateway::ErrorRegistration::of::<#ident>());
    enclosed(
        error.told.core.as_ref().map(|(_, path)| path),
        &quote! {
            #implementation
            __gateway::inventory::submit! { #registration }
        },
    )
}

fn arm(variant: &ErrorVariant, whole: &Told, this: &Ident) -> TokenStream {
    let ErrorVariant { ident, fields, told } = variant;
    let inner = pattern(told, fields);
    let said = said(told, whole, this);
    quote!(Self::#ident #inner => #said,)
}

// `{ 0: __inner }` of a transparent error, whatever name the field has.
fn pattern(told: &Told, fields: &Fields) -> TokenStream {
    match (&told.transparent, fields.members().next()) {
        (Some(_), Some(member)) => {
            let inner = inner();
            quote!({ #member: #inner })
        }
        _ => quote!({ .. }),
    }
}

fn inner() -> Ident {
    Ident::new("__inner", Span::mixed_site())
}

fn said(told: &Told, whole: &Told, this: &Ident) -> TokenStream {
    if let Some(key) = &told.transparent {
        let inner = inner();
        return quote_spanned!(located(key.span())=> __gateway::WsError::exception(#inner));
    }
    let Some(code) = told.code.as_ref().or(whole.code.as_ref()) else {
        return quote!(__gateway::unsaid());
    };
    let message = match told.message.as_ref().or(whole.message.as_ref()) {
        Some(message) => quote!(#message),
        None => quote!(::std::string::ToString::to_string(#this)),
    };
    quote_spanned! {located(code.span())=>
        __gateway::WsException::new(#message).with_code(#code)
    }
}
