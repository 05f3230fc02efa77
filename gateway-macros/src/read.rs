//! From the user's item to the model: our attributes are taken off, and what they say is put in order.
//!
//! Nothing is judged here. What cannot be read at all is a mistake in the grammar, which [`attr`] records. Every
//! function returns as much as could be understood, so that the compiler checks what is right in the same pass in
//! which we report what is wrong.

use proc_macro2::TokenStream;
use syn::{
    Attribute, Data, DeriveInput, Fields, FnArg, ImplItem, ImplItemFn, ItemImpl, ItemStruct,
    LitStr, Member, Meta, ReturnType, Type,
};

use crate::attr;
use crate::errors::Errors;
use crate::mark::{self, Kind, Mark, Marked, Marks};
use crate::model::{
    Argument, Block, Enhancer, ErrorShape, ErrorType, ErrorVariant, EventShape, EventType, Field,
    Gateway, Handler, Hook, Injectable, Method, Occasion, Source, StatedEvent, Told,
};
use crate::tokens::text;

/// A struct below `#[web_socket_gateway(..)]`.
pub(crate) fn gateway(arguments: TokenStream, mut item: ItemStruct, errors: &Errors) -> Gateway {
    let options = attr::gateway_options(arguments, errors);
    let marks = mark::take(&mut item.attrs);
    let enhancers = enhancers(&marks, errors);
    let injectable = mark::position(&item.attrs, "injectable");
    let injectable = injectable.map(|position| item.attrs.remove(position));
    let fields = fields(&mut item.fields, errors);
    Gateway { item, options, marks, injectable, enhancers, fields }
}

/// An impl block below `#[web_socket_gateway]`.
pub(crate) fn block(arguments: TokenStream, mut item: ItemImpl, errors: &Errors) -> Block {
    let options = attr::block_options(arguments, errors);
    let marks = mark::take(&mut item.attrs);
    let is_inherent = item.trait_.is_none();
    let (mut methods, mut elsewhere) = (Vec::new(), Vec::new());
    for entry in &mut item.items {
        match entry {
            ImplItem::Fn(entry) if is_inherent => methods.push(method(entry, errors)),
            // A trait's methods follow the trait's rules, not ours, so nothing is read from them.
            ImplItem::Fn(entry) => {
                let _own = mark::take(&mut entry.attrs);
                let _parameters = mark::take_from_parameters(&mut entry.sig);
            }
            ImplItem::Const(constant) => elsewhere.push(mark::take(&mut constant.attrs)),
            ImplItem::Type(alias) => elsewhere.push(mark::take(&mut alias.attrs)),
            ImplItem::Macro(call) => elsewhere.push(mark::take(&mut call.attrs)),
            _ => {}
        }
    }
    Block { item, options, marks, methods, elsewhere }
}

/// A struct below `#[injectable(..)]`.
pub(crate) fn injectable(
    arguments: TokenStream,
    mut item: ItemStruct,
    errors: &Errors,
) -> Injectable {
    let options = attr::injectable_options(arguments, errors);
    let fields = fields(&mut item.fields, errors);
    Injectable { item, options, fields }
}

/// A type below `#[derive(Event)]`.
pub(crate) fn event_type(item: DeriveInput, errors: &Errors) -> EventType {
    let marks = item.attrs.iter().filter(|attribute| attribute.path().is_ident("event"));
    let marks: Vec<Attribute> = marks.cloned().collect();
    let mut stated = StatedEvent::default();
    if let Some(mark) = marks.first() {
        attr::event(mark, &mut stated, errors);
    }
    let shape = match &item.data {
        Data::Struct(data) => match &data.fields {
            Fields::Unit => EventShape::Unit,
            Fields::Unnamed(fields) => EventShape::Tuple(fields.unnamed.len()),
            Fields::Named(_) => EventShape::Named,
        },
        Data::Enum(_) => EventShape::Named,
        Data::Union(_) => EventShape::Union,
    };
    let docs = docs(&item.attrs);
    EventType { ident: item.ident, generics: item.generics, docs, marks, stated, shape }
}

/// A type below `#[derive(WsError)]`.
pub(crate) fn error_type(item: DeriveInput, errors: &Errors) -> ErrorType {
    let mut misplaced = Vec::new();
    let shape = match item.data {
        Data::Struct(data) => {
            misplaced.extend(on_fields(&data.fields));
            ErrorShape::Struct(data.fields)
        }
        Data::Enum(data) => {
            let variants = data.variants.into_iter().map(|variant| {
                misplaced.extend(on_fields(&variant.fields));
                let told = told(&variant.attrs, errors);
                ErrorVariant { ident: variant.ident, fields: variant.fields, told }
            });
            ErrorShape::Enum(variants.collect())
        }
        Data::Union(_) => ErrorShape::Union,
    };
    let told = told(&item.attrs, errors);
    ErrorType { ident: item.ident, generics: item.generics, told, shape, misplaced }
}

fn told(attributes: &[Attribute], errors: &Errors) -> Told {
    let mut told = Told::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("ws")) {
        attr::told(attribute, &mut told, errors);
    }
    told
}

fn on_fields(fields: &Fields) -> Vec<Attribute> {
    let attributes = fields.iter().flat_map(|field| &field.attrs);
    attributes.filter(|attribute| attribute.path().is_ident("ws")).cloned().collect()
}

fn fields(fields: &mut Fields, errors: &Errors) -> Vec<Field> {
    let mut read = Vec::new();
    let members: Vec<Member> = fields.members().collect();
    for (field, member) in fields.iter_mut().zip(members) {
        let marks = mark::take(&mut field.attrs);
        let is_init = |attribute: &Attribute| attribute.path().is_ident("init");
        let (inits, others) = std::mem::take(&mut field.attrs).into_iter().partition(is_init);
        field.attrs = others;
        let inits: Vec<Attribute> = inits;
        let mut source = Source::Injected;
        for init in &inits {
            source = attr::init(init).unwrap_or_else(|error| {
                errors.push(error);
                Source::Default
            });
        }
        let cfgs = cfgs(&field.attrs);
        read.push(Field { member, ty: field.ty.clone(), cfgs, marks, inits, source });
    }
    read
}

fn method(method: &mut ImplItemFn, errors: &Errors) -> Method {
    let marks = mark::take(&mut method.attrs);
    let parameters = mark::take_from_parameters(&mut method.sig);
    let handler = handler(method, &marks, &parameters, errors);
    Method { signature: method.sig.clone(), marks, parameters, handler }
}

// `None` if our attributes do not make it a handler, or do not say for what.
fn handler(
    method: &ImplItemFn,
    marks: &Marks,
    parameters: &[Marks],
    errors: &Errors,
) -> Option<Handler> {
    let declaring = marks.shown.iter().find(|marked| marked.mark.declares_handler())?;
    let occasion = occasion(declaring, errors);
    let enhancers = enhancers(marks, errors);
    let arguments = arguments(method, parameters, errors);
    Some(Handler {
        occasion: occasion?,
        ident: method.sig.ident.clone(),
        docs: docs(&method.attrs),
        cfgs: cfgs(&method.attrs),
        arguments,
        returns: match &method.sig.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some(Type::clone(ty)),
        },
        enhancers,
    })
}

fn occasion(marked: &Marked, errors: &Errors) -> Option<Occasion> {
    let hook = match marked.mark {
        Mark::OnConnection => Hook::Connection,
        Mark::OnDisconnect => Hook::Disconnect,
        Mark::AfterInit => Hook::Init,
        _ => return attr::subscription(&marked.attribute, errors).map(Occasion::Message),
    };
    attr::no_arguments(&marked.attribute, errors);
    Some(Occasion::Hook(hook))
}

fn enhancers(marks: &Marks, errors: &Errors) -> Vec<Enhancer> {
    let mut read = Vec::new();
    for Marked { mark, attribute } in &marks.shown {
        match *mark {
            Mark::Use(kind) => {
                let entries = attr::list(kind, attribute, errors).into_iter();
                read.extend(entries.map(|entry| Enhancer::Listed(kind, entry)));
            }
            Mark::SetMetadata => {
                read.extend(attr::metadata(attribute, errors).map(Enhancer::Metadata));
            }
            _ => {}
        }
    }
    read
}

fn arguments(method: &ImplItemFn, marks: &[Marks], errors: &Errors) -> Vec<Argument> {
    let mut read = Vec::new();
    for (parameter, marks) in method.sig.inputs.iter().zip(marks) {
        if let FnArg::Typed(parameter) = parameter {
            let pipes = marks.shown.iter().filter(|marked| marked.mark == Mark::Use(Kind::Pipe));
            let pipes = pipes.flat_map(|marked| attr::list(Kind::Pipe, &marked.attribute, errors));
            read.push(Argument { ty: Type::clone(&parameter.ty), pipes: pipes.collect() });
        }
    }
    read
}

// The lines of the doc comment.
fn docs(attributes: &[Attribute]) -> String {
    let text = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => text(&pair.value).map(LitStr::value),
        _ => None,
    };
    let lines: Vec<String> = attributes.iter().filter_map(text).collect();
    let lines = lines.iter().flat_map(|line| line.lines().map(str::trim));
    lines.collect::<Vec<_>>().join("\n")
}

fn cfgs(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}
