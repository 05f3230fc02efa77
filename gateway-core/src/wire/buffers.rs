//! Passing binary through serde without copying it.
//!
//! serde passes bytes as slices only, so keeping one would mean copying it. While a value is read or written, this
//! module knows the buffers that slices may come from, and turns a slice that covers a whole buffer back into that
//! buffer.
//!
//! A known buffer is kept alive for as long as it is known, so a slice at its address really is a slice of it.

use std::cell::RefCell;

use bytes::Bytes;
use smallvec::SmallVec;

thread_local! {
    static KNOWN: RefCell<Known> = const { RefCell::new(Known { values: 0, buffers: Vec::new() }) };
}

struct Known {
    /// How many values are being read or written, one inside the other.
    values: usize,
    buffers: Vec<Bytes>,
}

/// Runs `body`, in which `buffers` are known.
pub(crate) fn knowing<T>(buffers: &[Bytes], body: impl FnOnce() -> T) -> T {
    if buffers.is_empty() {
        return body();
    }
    let before = KNOWN.with_borrow_mut(|known| {
        let before = known.buffers.len();
        known.buffers.extend(buffers.iter().cloned());
        before
    });
    let _forget = Forget { before, values: 0 };
    body()
}

/// Runs `body`, which reads or writes one value: what it [remembers](remember) is known until it returns.
pub(super) fn remembering<T>(body: impl FnOnce() -> T) -> T {
    let before = KNOWN.with_borrow_mut(|known| {
        known.values += 1;
        known.buffers.len()
    });
    let _forget = Forget { before, values: 1 };
    body()
}

/// Ends what was begun, also when it panics.
struct Forget {
    before: usize,
    values: usize,
}

impl Drop for Forget {
    fn drop(&mut self) {
        let forgotten = KNOWN.with_borrow_mut(|known| {
            known.values -= self.values;
            // Most messages have no binary, and nothing to forget.
            (known.buffers.len() > self.before)
                .then(|| known.buffers.drain(self.before..).collect::<SmallVec<[Bytes; 2]>>())
        });
        // Dropped only now, because a buffer's owner may be anything, even something that calls back into here.
        drop(forgotten);
    }
}

/// Makes `buffer` recognisable until the value that contains it has been read or written. If we are doing neither,
/// nobody would ask, and nothing is kept.
pub(super) fn remember(buffer: &Bytes) {
    KNOWN.with_borrow_mut(|known| {
        if known.values > 0 && !buffer.is_empty() {
            known.buffers.push(buffer.clone());
        }
    });
}

/// The slice as a buffer: a known one if the slice is all of it, or else a copy.
///
/// A part of a buffer is copied, because it would keep the whole alive while only the part is
/// counted.
pub(super) fn owned(slice: &[u8]) -> Bytes {
    let is_all_of =
        |buffer: &&Bytes| buffer.as_ptr() == slice.as_ptr() && buffer.len() == slice.len();
    // The latest first: usually it is the one that was just remembered.
    let found = KNOWN.with_borrow(|known| known.buffers.iter().rev().find(is_all_of).cloned());
    found.unwrap_or_else(|| Bytes::copy_from_slice(slice))
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::wire::{Args, Argument, Arguments, Binary, InboundArguments, encode};

    const LARGE: usize = 1 << 20;

    /// Everything that reading and writing may allocate, without the megabytes that are binary.
    const SMALL: u64 = 16 << 10;

    fn received() -> (String, Vec<Bytes>) {
        let placeholders: Vec<String> =
            (0..10).map(|number| format!(r#"{{"_placeholder":true,"num":{number}}}"#)).collect();
        let attachments = (0..10).map(|number| Bytes::from(vec![number; LARGE])).collect();
        (format!(r#"["e",{{"a":[{}]}}]"#, placeholders.join(",")), attachments)
    }

    fn allocated<T>(body: impl FnOnce() -> T) -> (u64, T) {
        let mut value = None;
        let info = allocation_counter::measure(|| value = Some(body()));
        (info.bytes_total, value.unwrap())
    }

    /// Reads a packet as a `T` and sends it on: both without touching what is binary in it.
    fn relay<T: serde::de::DeserializeOwned + Serialize>() -> (u64, u64) {
        let (text, attachments) = received();
        let (read, value) =
            allocated(|| InboundArguments::new(&text, &attachments).decode::<T>().unwrap());
        let (written, sent) = allocated(|| encode(Some("e"), &value).unwrap());
        let starts = |all: &mut dyn Iterator<Item = &Bytes>| {
            all.map(|bytes| bytes.as_ptr()).collect::<Vec<_>>()
        };
        assert_eq!(starts(&mut sent.attachments.iter()), starts(&mut attachments.iter()));
        (read, written)
    }

    #[test]
    fn ten_megabytes_are_relayed_without_a_copy() {
        #[derive(Serialize, Deserialize)]
        struct Named {
            a: Vec<Argument>,
        }
        #[derive(Serialize, Deserialize)]
        struct Flattened {
            #[serde(flatten)]
            all: std::collections::BTreeMap<String, Argument>,
        }
        #[derive(Serialize, Deserialize)]
        enum Either {
            #[serde(rename = "a")]
            All(Vec<Binary>),
        }
        for (read, written) in [
            relay::<Argument>(),
            relay::<Named>(),
            relay::<Flattened>(),
            relay::<Either>(),
            relay::<std::collections::BTreeMap<String, Option<Vec<Binary>>>>(),
        ] {
            assert!(read < SMALL && written < SMALL, "{read} and {written} bytes");
        }

        let (text, attachments) = received();
        let (bytes, sent) = allocated(|| {
            let all = InboundArguments::new(&text, &attachments).decode::<Arguments>().unwrap();
            encode(Some("e"), &Args(all)).unwrap()
        });
        assert!(bytes < 2 * SMALL, "{bytes} bytes");
        assert!(sent.attachments.iter().zip(&attachments).all(|(a, b)| a.as_ptr() == b.as_ptr()));
    }

    /// `Bytes` reads itself from a slice, and can only copy it: but each attachment once.
    #[test]
    fn bytes_are_copied_once() {
        #[derive(Deserialize)]
        struct Named<T> {
            a: Vec<T>,
        }
        let (text, attachments) = received();
        let all = InboundArguments::new(&text, &attachments);
        let whole = 10 * LARGE as u64;
        let (bytes, named) = allocated(|| all.decode::<Named<Bytes>>().unwrap());
        assert_eq!(named.a, attachments);
        assert!((whole..whole + SMALL).contains(&bytes), "{bytes} bytes");
    }

    #[test]
    fn bytes_that_are_known_are_sent_as_they_are() {
        let picture = Bytes::from(vec![7; LARGE]);
        let known = std::slice::from_ref(&picture);
        let (bytes, sent) = allocated(|| knowing(known, || encode(None, &picture).unwrap()));
        assert!(bytes < SMALL, "{bytes} bytes");
        assert_eq!(sent.attachments[0].as_ptr(), picture.as_ptr());
    }

    fn known() -> usize {
        KNOWN.with_borrow(|known| known.buffers.len())
    }

    #[test]
    fn a_known_buffer_is_shared_and_anything_else_copied() {
        let [lent, remembered, unknown] =
            [b"lent", b"kept", b"none"].map(|bytes| Bytes::copy_from_slice(bytes));
        let body = || {
            remember(&remembered);
            for shared in [&lent, &remembered] {
                assert_eq!(owned(shared).as_ptr(), shared.as_ptr());
            }
            for copied in [&unknown[..], &lent[1..], &lent[..3]] {
                assert_eq!(owned(copied), copied);
                assert_ne!(owned(copied).as_ptr(), copied.as_ptr());
            }
            assert_eq!(owned(b""), Bytes::new());
        };
        knowing(std::slice::from_ref(&lent), || remembering(body));
        assert_ne!(owned(&lent).as_ptr(), lent.as_ptr());
    }

    #[test]
    fn nothing_is_kept_for_longer_than_it_is_of_use() {
        let buffer = Bytes::from(vec![1, 2, 3]);
        remember(&buffer);
        assert_eq!(known(), 0);
        let lent = std::slice::from_ref(&buffer);
        remembering(|| {
            remember(&buffer);
            knowing(lent, || remembering(|| remember(&buffer)));
            assert_eq!(known(), 1);
        });
        // A handler may write as much as it likes by other means than ours.
        knowing(lent, || {
            remember(&buffer);
            assert_eq!(known(), 1);
        });
        let panicked = std::panic::catch_unwind(|| {
            knowing(lent, || remembering(|| panic!("half way")));
        });
        assert!(panicked.is_err());
        assert_eq!(known(), 0);
        assert!(buffer.is_unique());
    }

    /// What owns a buffer may itself encode something when it is dropped.
    #[test]
    fn dropping_a_buffer_may_come_back_here() {
        struct Owner;
        impl AsRef<[u8]> for Owner {
            fn as_ref(&self) -> &[u8] {
                b"owned"
            }
        }
        impl Drop for Owner {
            fn drop(&mut self) {
                remembering(|| remember(&Bytes::from(vec![1])));
            }
        }
        remembering(|| remember(&Bytes::from_owner(Owner)));
        assert_eq!(known(), 0);
    }
}
