//! RFC 6455 as a client needs it: masked frames out, whole frames in.

use anyhow::{Result, bail};

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
}

/// A frame that came from the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) opcode: Opcode,
    pub(crate) payload: &'a [u8],
    /// Bytes of the buffer it took, head included.
    pub(crate) length: usize,
}

/// Reads the frame a buffer begins with; `None` while it is not whole.
pub(crate) fn decode(buffer: &[u8]) -> Result<Option<Frame<'_>>> {
    let [first, second, rest @ ..] = buffer else { return Ok(None) };
    if first & 0xF0 != 0x80 {
        bail!("a fragment or an extension, byte {first:#04x}: nothing here asked for either");
    }
    let opcode = match first & 0x0F {
        0x1 => Opcode::Text,
        0x2 => Opcode::Binary,
        0x8 => Opcode::Close,
        0x9 => Opcode::Ping,
        0xA => Opcode::Pong,
        other => bail!("opcode {other:#x}"),
    };
    if second & 0x80 != 0 {
        bail!("a server must not mask");
    }
    let (extra, payload_length) = match second {
        126 => match rest.first_chunk() {
            Some(bytes) => (2, usize::from(u16::from_be_bytes(*bytes))),
            None => return Ok(None),
        },
        127 => match rest.first_chunk() {
            Some(bytes) => (8, usize::try_from(u64::from_be_bytes(*bytes))?),
            None => return Ok(None),
        },
        short => (0, usize::from(*short)),
    };
    let payload = rest[extra..].get(..payload_length);
    Ok(payload.map(|payload| Frame { opcode, payload, length: 2 + extra + payload_length }))
}

/// Appends a frame, masked.
pub(crate) fn encode(opcode: Opcode, payload: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    out.push(0x80 | opcode as u8);
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=0xFFFF => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    let begin = out.len();
    out.extend_from_slice(payload);
    let mut words = out[begin..].chunks_exact_mut(4);
    for word in &mut words {
        for (byte, mask) in word.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
    for (byte, mask) in words.into_remainder().iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

/// The same without a mask, as servers send frames.
#[cfg(test)]
pub(crate) fn unmasked(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    encode(opcode, payload, [0; 4], &mut frame);
    frame[1] &= 0x7F;
    let head = frame.len() - payload.len();
    frame.drain(head - 4..head);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_read_back_and_only_when_it_is_whole() {
        for length in [0, 1, 125, 126, 127, 0xFFFF, 0x1_0000, 70_000] {
            let payload: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let mut bytes = unmasked(Opcode::Binary, &payload);
            let whole = bytes.len();
            for short in [0, 1, 2, 3, 9, whole - 1] {
                assert_eq!(decode(&bytes[..short.min(whole - 1)]).unwrap(), None, "{length}");
            }
            bytes.extend_from_slice(b"the next");
            let frame = decode(&bytes).unwrap().unwrap();
            assert_eq!((frame.opcode, frame.length), (Opcode::Binary, whole));
            assert_eq!(frame.payload, payload);
        }
    }

    #[test]
    fn masking_is_the_standards_example() {
        // RFC 6455, 5.7: "Hello", masked.
        let mut frame = Vec::new();
        encode(Opcode::Text, b"Hello", [0x37, 0xfa, 0x21, 0x3d], &mut frame);
        let expected = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(frame, expected);
    }

    #[test]
    fn what_no_server_may_send_is_an_error() {
        assert!(decode(&[0x01, 0x00]).is_err(), "a fragment");
        assert!(decode(&[0xC1, 0x00]).is_err(), "an extension's bit");
        assert!(decode(&[0x83, 0x00]).is_err(), "a reserved opcode");
        assert!(decode(&[0x81, 0x80]).is_err(), "a mask");
    }
}
