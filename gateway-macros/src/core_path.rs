//! Where the core is if `crate = ..` does not say so: under the name that it has in the application's Cargo.toml.

use proc_macro_crate::{Error, FoundCrate};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Ident, Path};

/// The path to the core: what was written, or the name of the dependency.
pub(crate) fn path(written: Option<&Path>) -> TokenStream {
    match (written, renamed(look_up())) {
        (Some(written), _) => quote!(#written),
        (None, Some(name)) => quote!(::#name),
        (None, None) => quote!(::gateway_core),
    }
}

/// Whether the application does not depend on the core by any name, so that only `crate = ..` can say where it is.
/// False if there is no Cargo.toml: build tools other than Cargo have their own ways.
pub(crate) fn is_missing() -> bool {
    matches!(look_up(), Err(Error::CrateNotFound { .. }))
}

// The core's name in the application, if it has been renamed. (The core's own tests and examples are crates beside
// it.)
fn renamed(found: Result<FoundCrate, Error>) -> Option<Ident> {
    match found {
        Ok(FoundCrate::Name(name)) if name != "gateway_core" => {
            Some(Ident::new(&name, Span::call_site()))
        }
        _ => None,
    }
}

#[cfg(not(test))]
fn look_up() -> Result<FoundCrate, Error> {
    match manifest().is_some_and(|manifest| is_plainly_named(&manifest)) {
        true => Ok(FoundCrate::Itself),
        false => proc_macro_crate::crate_name("gateway-core"),
    }
}

#[cfg(not(test))]
fn manifest() -> Option<String> {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR")?;
    std::fs::read_to_string(std::path::Path::new(&folder).join("Cargo.toml")).ok()
}

/// Whether a Cargo.toml has a dependency with the core's own name, in the usual notation. What this quick
/// look misses, `proc_macro_crate` finds; but that runs `cargo` to find the workspace, which takes as long as
/// expanding a hundred handlers.
fn is_plainly_named(manifest: &str) -> bool {
    let mut are_dependencies = false;
    manifest.lines().map(str::trim).any(|line| match line.strip_prefix('[') {
        Some(table) => {
            let table = table.trim_end_matches(']');
            are_dependencies = matches!(table, "dependencies" | "dev-dependencies");
            false
        }
        None => {
            let value = line.strip_prefix("gateway-core").filter(|_| are_dependencies);
            value.is_some_and(|value| {
                value.starts_with([' ', '=', '.']) && !value.contains("package")
            })
        }
    })
}

// This crate does not depend on the core, as an application would.
#[cfg(test)]
fn look_up() -> Result<FoundCrate, Error> {
    Ok(FoundCrate::Itself)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_dependency_is_found_by_its_name() {
        let name = |found| renamed(found).map(|name| name.to_string());
        assert_eq!(name(Ok(FoundCrate::Name("gw".to_owned()))).as_deref(), Some("gw"));
        assert_eq!(name(Ok(FoundCrate::Name("gateway_core".to_owned()))), None);
        assert_eq!(name(Ok(FoundCrate::Itself)), None);
    }

    #[test]
    fn a_dependency_is_seen_where_it_is_plain() {
        for plain in [
            "[package]\nname = \"a\"\n[dependencies]\ngateway-core = \"0.1\"",
            "[dependencies]\ngateway-core.workspace = true\n[lints]\nworkspace = true",
            "[dev-dependencies]\n  gateway-core={ path = \"..\" }\n",
        ] {
            assert!(is_plainly_named(plain), "{plain}");
        }
        for other in [
            "[package]\nname = \"gateway-core\"",
            "[dependencies]\ngateway-core-extras = \"0.1\"",
            "[dependencies]\ngw = { package = \"gateway-core\", version = \"0.1\" }",
            "[dependencies]\ngateway-core = { package = \"other\" }",
            "[dependencies]\n# gateway-core = \"0.1\"\n[features]\ngateway-core = []",
            "[build-dependencies]\ngateway-core = \"0.1\"",
            "[target.'cfg(unix)'.dependencies]\ngateway-core = \"0.1\"",
        ] {
            assert!(!is_plainly_named(other), "{other}");
        }
    }

    #[test]
    fn what_is_written_goes_first() {
        let written = syn::parse_quote!(my::reexport);
        assert_eq!(path(Some(&written)).to_string(), quote!(my::reexport).to_string());
        assert_eq!(path(None).to_string(), quote!(::gateway_core).to_string());
    }
}
