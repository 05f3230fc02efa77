//! From the user's item to the model: our attributes taken off, facts gathered, rules asked.
//!
//! Every function gives back as much as could be understood, so that what is right is checked by
//! the compiler in the same pass as what is wrong is reported.

use proc_macro2::TokenStream;
use syn::{
    Attribute, Fields, FnArg, ImplItem, ImplItemFn, ItemImpl, ItemStruct, Member, ReturnType, Type,
};

use crate::errors::Errors;
use crate::mark::{self, Kind, Mark, Marked};
use crate::model::{
    Argument, Block, Enhancer, Field, Gateway, Handler, Hook, Injectable, Occasion, Source,
};
use crate::{attr, check};

/// A struct below `#[web_socket_gateway(..)]`.
pub(crate) fn gateway(arguments: TokenStream, mut item: ItemStruct, errors: &Errors) -> Gateway {
    let options = attr::gateway_options(arguments, errors);
    let marks = mark::take(&mut item.attrs, errors);
    let enhancers = enhancers(&marks, errors);
    check::marks_of_a_struct(&marks, errors);
    check::is_not_injectable_as_well(&mut item.attrs, errors);
    check::options(&options, errors);
    check::struct_is_not_generic(&item, errors);
    let fields = fields(&mut item.fields, errors);
    Gateway { item, options, enhancers, fields }
}

/// An impl block below `#[web_socket_gateway]`.
pub(crate) fn block(arguments: TokenStream, mut item: ItemImpl, errors: &Errors) -> Block {
    let core = attr::block_options(arguments, errors);
    let marks = mark::take(&mut item.attrs, errors);
    check::marks_of_a_block(&marks, errors);
    let before = errors.count();
    check::is_no_trait_impl(&item, errors);
    check::block_is_not_generic(&item, errors);
    let fits = errors.count() == before;

    let marks: Vec<Marks> = item.items.iter_mut().map(|entry| marks_of(entry, errors)).collect();
    if item.trait_.is_some() {
        // A trait's methods follow the trait's rules, not ours: the one mistake is where they stand.
        return Block { item, core, handlers: Vec::new() };
    }
    let mut handlers = Vec::new();
    for (entry, marks) in item.items.iter().zip(&marks) {
        match entry {
            ImplItem::Fn(method) => handlers.extend(handler(method, marks, errors)),
            _ => check::marks_of_no_method(&marks.own, errors),
        }
    }
    let declares =
        marks.iter().flat_map(|marks| &marks.own).any(|marked| marked.mark.declares_handler());
    if !declares && errors.count() == before {
        check::has_a_handler(&item, errors);
    }
    check::no_event_twice(&handlers, errors);
    check::no_hook_twice(&handlers, errors);
    // What cannot be called is not printed, nor anything where there is no type to hang it on: the
    // compiler's errors about that would hide the real one.
    handlers.retain(|handler| fits && handler.is_callable);
    Block { item, core, handlers }
}

// Our attributes on an entry of the block, and on a method's parameters, the receiver included.
#[derive(Default)]
struct Marks {
    own: Vec<Marked>,
    parameters: Vec<Vec<Marked>>,
}

fn marks_of(entry: &mut ImplItem, errors: &Errors) -> Marks {
    let own = match entry {
        ImplItem::Fn(method) => {
            let own = mark::take(&mut method.attrs, errors);
            let parameters = mark::take_from_parameters(&mut method.sig, errors);
            return Marks { own, parameters };
        }
        ImplItem::Const(constant) => mark::take(&mut constant.attrs, errors),
        ImplItem::Type(alias) => mark::take(&mut alias.attrs, errors),
        ImplItem::Macro(call) => mark::take(&mut call.attrs, errors),
        _ => Vec::new(),
    };
    Marks { own, parameters: Vec::new() }
}

/// A struct below `#[injectable(..)]`.
pub(crate) fn injectable(
    arguments: TokenStream,
    mut item: ItemStruct,
    errors: &Errors,
) -> Injectable {
    let options = attr::injectable_options(arguments, errors);
    check::struct_is_not_generic(&item, errors);
    let fields = fields(&mut item.fields, errors);
    Injectable { item, options, fields }
}

fn fields(fields: &mut Fields, errors: &Errors) -> Vec<Field> {
    let mut read = Vec::new();
    let members: Vec<Member> = fields.members().collect();
    for (field, member) in fields.iter_mut().zip(members) {
        let marks = mark::take(&mut field.attrs, errors);
        check::marks_of_a_field(&marks, errors);
        let inits: Vec<Attribute> =
            field.attrs.iter().filter(|attribute| is_init(attribute)).cloned().collect();
        field.attrs.retain(|attribute| !is_init(attribute));
        let mut source = Source::Injected;
        for (index, init) in inits.iter().enumerate() {
            if index > 0 {
                errors.at(&init.meta, "this field has two `#[init]`", "keep one of the two");
            }
            match attr::init(init) {
                Ok(init) => source = init,
                Err(error) => {
                    errors.push(error);
                    source = Source::Default;
                }
            }
        }
        let cfgs = cfgs(&field.attrs);
        read.push(Field { member, ty: field.ty.clone(), cfgs, source });
    }
    read
}

fn is_init(attribute: &Attribute) -> bool {
    attribute.path().is_ident("init")
}

// A method that some of our attributes stand on. `None` when they do not make it a handler.
fn handler(method: &ImplItemFn, marks: &Marks, errors: &Errors) -> Option<Handler> {
    let Marks { own, parameters } = marks;
    let declaring: Vec<&Marked> = own.iter().filter(|m| m.mark.declares_handler()).collect();
    let Some(first) = declaring.first() else {
        check::marks_of_a_plain_method(own.iter().chain(parameters.iter().flatten()), errors);
        return None;
    };
    check::one_occasion(&declaring, errors);
    let occasion = occasion(first, errors);
    if let Some(occasion) = &occasion {
        check::occasion(occasion, errors);
        check::enhancers_suit(occasion, own, errors);
    }
    let enhancers = enhancers(own, errors);
    let arguments = arguments(method, parameters, occasion.as_ref(), errors);
    let is_callable = check::method_can_be_called(method, errors);
    Some(Handler {
        occasion: occasion?,
        ident: method.sig.ident.clone(),
        cfgs: cfgs(&method.attrs),
        arguments,
        returns: match &method.sig.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some(Type::clone(ty)),
        },
        enhancers,
        is_callable,
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

fn enhancers(marks: &[Marked], errors: &Errors) -> Vec<Enhancer> {
    let mut read = Vec::new();
    for Marked { mark, attribute } in marks {
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

fn arguments(
    method: &ImplItemFn,
    marks: &[Vec<Marked>],
    occasion: Option<&Occasion>,
    errors: &Errors,
) -> Vec<Argument> {
    let mut read = Vec::new();
    for (parameter, marks) in method.sig.inputs.iter().zip(marks) {
        check::marks_of_a_parameter(parameter, marks, occasion, errors);
        if let FnArg::Typed(parameter) = parameter {
            let pipes = marks.iter().filter(|marked| marked.mark == Mark::Use(Kind::Pipe));
            let pipes = pipes.flat_map(|marked| attr::list(Kind::Pipe, &marked.attribute, errors));
            read.push(Argument { ty: Type::clone(&parameter.ty), pipes: pipes.collect() });
        }
    }
    read
}

fn cfgs(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}
