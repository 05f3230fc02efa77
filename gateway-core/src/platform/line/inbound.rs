//! What comes from a client on a WebSocket: frame by frame, in pieces that need no large buffer.
//!
//! What the protocol does not allow is found here, of frames, and by the [`Judge`], of packets, and not by
//! the reader behind: only here is it still known why, in time for the close frame.

use bytes::{Buf, Bytes};
use tokio::{io::ReadBuf, time::Instant};

use super::{
    ahead::put,
    encoded::{self, Encoded},
    frames::{self, BINARY, CLOSE, CONTINUATION, FINAL, Head, HeadReader, TEXT},
    judge::Judge,
    utf8::Utf8,
};
use crate::platform::{fault::Fault, line::Line};

/// Bytes of payload of the largest frame that the reader is given as it is: 64 KiB, and what Socket.IO
/// writes around them.
///
/// tungstenite makes room for a whole frame in a buffer that it keeps, so the largest message that
/// ever came would stay with its connection. Of a message in several frames it keeps one frame's
/// worth, but collects it in memory that grows, which smaller messages need not pay for.
const WHOLE: u64 = 65 * 1024;

/// Bytes of payload of the pieces of a larger frame. A multiple of four, since a mask begins anew with
/// each frame.
const PIECE: u64 = 24 * 1024;

/// Frames the reader is given at once: each time costs its task a part of its turn.
const FRAMES_AT_ONCE: usize = 8;

/// Engine.IO's answer to a ping in a masked text frame; the mask changes nothing.
const PONG: [u8; 7] = [0x81, 0x81, 0, 0, 0, 0, b'3'];

/// Bytes of payload of the largest control frame (RFC 6455, 5.5).
const LARGEST_CONTROL: u64 = 125;

/// Follows the frames, and passes them on.
#[derive(Debug)]
pub(super) struct Inbound {
    head: HeadReader,
    /// A message that has not been begun: reading is paused, or its first byte is to come.
    held: Option<Held>,
    /// What is to be passed on before anything else: heads, as we write them.
    insert: frames::Bytes,
    inserted: u8,
    /// Bytes of the current frame, or piece of one, that have not passed.
    piece: u64,
    /// Bytes of the frame behind that piece.
    rest: u64,
    /// The frame.
    current: Head,
    /// What its payload is.
    payload: Payload,
    /// How much of the payload has passed, as far as the mask goes.
    phase: u8,
    /// A message whose last frame has not begun.
    message: Option<Payload>,
    /// Bytes of the message so far.
    size: u64,
    /// Messages that are longer are refused at the head of the frame that makes them so.
    longest: u64,
    utf8: Utf8,
    translation: Option<Box<Translation>>,
    judge: Judge,
    /// The session has not joined a namespace, as far as is known here.
    is_stranger: bool,
    /// Texts that are no client's.
    retold: u8,
    fault: Option<Fault>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    head: Head,
    by_pause: bool,
}

/// Whether a message may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// One at a time: each is handled before the next is looked at.
    Narrow,
    Paused,
}

impl Gate {
    fn frames_at_once(self) -> usize {
        if self == Self::Narrow { 1 } else { FRAMES_AT_ONCE }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Payload {
    /// Nothing that we look at.
    Control,
    /// An attachment.
    Bytes,
    Text,
    /// Bytes as text: not passed, but collected.
    Encoded,
    /// A code, and a text.
    Close,
}

/// Bytes as text.
#[derive(Debug)]
enum Translation {
    Collects(Encoded),
    /// Frames of bytes, to be passed.
    Passes(Bytes),
}

impl Inbound {
    pub(super) fn new(judge: Judge) -> Self {
        Self {
            head: HeadReader::default(),
            held: None,
            insert: frames::Bytes::default(),
            inserted: 0,
            piece: 0,
            rest: 0,
            current: Head { first: 0, mask: None, length: 0 },
            payload: Payload::Bytes,
            phase: 0,
            message: None,
            size: 0,
            longest: judge.limits().max_payload as u64,
            utf8: Utf8::default(),
            translation: None,
            judge,
            is_stranger: true,
            retold: 0,
            fault: None,
        }
    }

    /// The next texts, so many, are what socketioxide is told again of an upgrade.
    pub(super) fn retell(&mut self, texts: u8) {
        self.retold = texts;
    }

    /// Events that the reader has been given completely; nothing where it is in the middle of being given.
    #[inline]
    pub(super) fn events(&self) -> Option<u32> {
        let is_between = self.insert_left().is_empty() && self.translation.is_none();
        is_between.then(|| self.judge.events())
    }

    /// Until when the next attachment is to begin; nothing where none is to come, or one has begun.
    #[inline]
    pub(super) fn attachment_due(&self) -> Option<Instant> {
        let is_between = self.message.is_none() && self.piece == 0 && self.rest == 0;
        self.judge.attachment_due().filter(|_| is_between)
    }

    /// Whether a message waits here that may not begin.
    pub(super) fn is_holding(&self) -> bool {
        self.held.is_some() && self.insert_left().is_empty()
    }

    /// Whether there is something to pass on without anything new.
    pub(super) fn has_more(&self) -> bool {
        self.held.is_some() || !self.insert_left().is_empty() || self.translation.is_some()
    }

    /// What the client may not do. Nothing passes behind it.
    #[inline]
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Answers a ping in the client's place, where a message waits: says whether it could.
    pub(super) fn pong(&mut self) -> bool {
        let here = self.is_holding();
        if here {
            self.insert(&PONG);
        }
        here
    }

    /// Passes on what there is room for: says how many of `bytes` that took.
    pub(super) fn pass(
        &mut self,
        bytes: &[u8],
        buffer: &mut ReadBuf<'_>,
        gate: Gate,
        line: &Line,
    ) -> usize {
        let mut taken = 0;
        let mut frames = 0;
        loop {
            if self.fault.is_some() {
                return bytes.len();
            }
            if !self.insert_left().is_empty() {
                self.inserted += put(self.insert_left(), buffer) as u8;
                if !self.insert_left().is_empty() {
                    return taken;
                }
            }
            if self.translation.is_some() && !self.pass_translation(buffer) {
                return taken;
            }
            if self.piece > 0 {
                taken += self.pass_payload(&bytes[taken..], buffer, line);
                if self.fault.is_some() {
                    continue;
                }
                if self.piece > 0 {
                    return taken;
                }
                if self.rest == 0 {
                    self.end_of_frame(line);
                    continue;
                }
            }
            if self.rest > 0 {
                self.next_piece(CONTINUATION);
                continue;
            }
            if frames == gate.frames_at_once() {
                return taken;
            }
            let head = match self.held.take() {
                Some(held) => {
                    if held.by_pause {
                        self.judge.excuse();
                    }
                    held.head
                }
                None => {
                    let (size, head) = self.head.read(&bytes[taken..]);
                    taken += size;
                    let Some(head) = head else { return taken };
                    head
                }
            };
            let begins = self.message.is_none() && !head.is_control();
            if begins && gate == Gate::Paused {
                self.held = Some(Held { head, by_pause: true });
                return taken;
            }
            let first = bytes.get(taken).copied();
            if begins && head.opcode() == TEXT && head.length > 0 && first.is_none() {
                // The byte decides what the text is.
                self.held = Some(Held { head, by_pause: false });
                return taken;
            }
            frames += 1;
            if let Err(fault) = self.begin(head, first, line) {
                self.fail(fault);
            }
        }
    }

    fn begin(&mut self, head: Head, first: Option<u8>, line: &Line) -> Result<(), Fault> {
        if self.is_forbidden(head) {
            return Err(Fault::Frame);
        }
        let begins = self.message.is_none();
        self.payload = self.payload_of(head, first);
        if !head.is_control() {
            self.size = if begins { head.length } else { self.size + head.length };
            if self.size > self.longest {
                return Err(Fault::TooLarge { max_payload: self.longest as usize });
            }
            if begins && matches!(self.payload, Payload::Bytes | Payload::Encoded) {
                self.judge.attachment()?;
            }
            if self.payload == Payload::Bytes {
                self.judge.attached(head.length)?;
            }
            self.message = (!head.is_final()).then_some(self.payload);
        }
        self.current = head;
        self.phase = 0;
        if self.payload == Payload::Encoded {
            let collects = || Box::new(Translation::Collects(Encoded::default()));
            self.translation.get_or_insert_with(collects);
            self.piece = head.length;
        } else if head.length <= WHOLE {
            self.insert(head.encode().as_slice());
            self.piece = head.length;
        } else {
            self.rest = head.length;
            // What is reserved is said once.
            self.next_piece(head.first & !FINAL);
        }
        if head.length == 0 {
            self.end_of_frame(line);
        }
        Ok(())
    }

    fn payload_of(&mut self, head: Head, first: Option<u8>) -> Payload {
        match head.opcode() {
            CONTINUATION => self.message.unwrap_or(Payload::Control),
            TEXT if self.retold > 0 => {
                self.retold -= 1;
                Payload::Control
            }
            TEXT => {
                let mark = encoded::MARK ^ head.mask.map_or(0, |mask| mask[0]);
                if first == Some(mark) && head.length > 0 {
                    Payload::Encoded
                } else {
                    Payload::Text
                }
            }
            BINARY => Payload::Bytes,
            CLOSE => {
                // What it may have interrupted does not go on.
                self.utf8 = Utf8::default();
                Payload::Close
            }
            _ => Payload::Control,
        }
    }

    /// Whether RFC 6455 does not let a client send such a frame here.
    fn is_forbidden(&self, head: Head) -> bool {
        const RESERVED: u8 = 0x70;

        let out_of_place = match head.opcode() {
            CONTINUATION => self.message.is_none(),
            TEXT | BINARY => self.message.is_some(),
            CLOSE => !head.is_final() || head.length > LARGEST_CONTROL || head.length == 1,
            frames::PING | frames::PONG => !head.is_final() || head.length > LARGEST_CONTROL,
            _ => true,
        };
        out_of_place || head.mask.is_none() || head.first & RESERVED != 0 || head.length >> 63 != 0
    }

    /// Begins the next piece of a frame; the last ends the message if the frame does.
    fn next_piece(&mut self, first: u8) {
        self.piece = self.rest.min(PIECE);
        self.rest -= self.piece;
        self.phase = 0;
        let last = if self.rest == 0 { self.current.first & FINAL } else { 0 };
        let head = Head { first: first | last, mask: self.current.mask, length: self.piece };
        self.insert(head.encode().as_slice());
    }

    /// Passes on what is there of the current frame, or piece of one: says how much that was.
    fn pass_payload(&mut self, bytes: &[u8], buffer: &mut ReadBuf<'_>, line: &Line) -> usize {
        let there = bytes.len().min(usize::try_from(self.piece).unwrap_or(usize::MAX));
        let there = match self.payload {
            Payload::Encoded => &bytes[..there],
            // Only what passes is looked at.
            _ => &bytes[..there.min(buffer.remaining())],
        };
        if !matches!(self.payload, Payload::Bytes | Payload::Control)
            && let Err(fault) = self.look_at(there, line)
        {
            self.fail(fault);
            return 0;
        }
        if self.payload != Payload::Encoded {
            buffer.put_slice(there);
        }
        self.phase = ((usize::from(self.phase) + there.len()) % 4) as u8;
        self.piece -= there.len() as u64;
        there.len()
    }

    /// Looks at the next bytes of the payload, before they pass.
    #[inline]
    fn look_at(&mut self, bytes: &[u8], line: &Line) -> Result<(), Fault> {
        let mut mask = self.current.mask.unwrap_or_default();
        mask.rotate_left(self.phase.into());
        let is_text = match self.payload {
            Payload::Text => {
                // Strangers say nothing else that is long: of bytes, the first frame is refused.
                if self.is_stranger {
                    self.is_stranger = line.says(bytes.len())?;
                }
                if self.judge.is_reading() {
                    self.judge.text(bytes, mask, line)?;
                }
                self.utf8.follow(bytes, mask)
            }
            Payload::Encoded => {
                if let Some(Translation::Collects(encoded)) = self.translation.as_deref_mut() {
                    encoded.follow(bytes, mask);
                }
                true
            }
            Payload::Close => {
                // The code is before the text.
                let before = (self.current.length - self.piece).min(2) as usize;
                let skipped = bytes.len().min(2 - before);
                mask.rotate_left(skipped % 4);
                self.utf8.follow(&bytes[skipped..], mask)
            }
            Payload::Bytes | Payload::Control => true,
        };
        is_text.then_some(()).ok_or(Fault::NotUtf8)
    }

    /// All of the current frame has passed.
    #[inline]
    fn end_of_frame(&mut self, line: &Line) {
        if !self.current.is_final() {
            return;
        }
        match self.payload {
            Payload::Text | Payload::Close if !self.utf8.is_between() => self.fail(Fault::NotUtf8),
            Payload::Text => {
                if let Err(fault) = self.judge.end_of_text(line) {
                    self.fail(fault);
                }
            }
            Payload::Bytes => self.judge.end_of_attachment(),
            Payload::Encoded => self.end_of_encoded(),
            Payload::Control | Payload::Close => {}
        }
    }

    fn end_of_encoded(&mut self) {
        let Some(translation) = self.translation.take() else { return };
        let Translation::Collects(encoded) = *translation else { return };
        let frames = encoded.into_frames(PIECE as usize).ok_or(Fault::Packet);
        let judged = frames.and_then(|(bytes, frames)| {
            self.judge.attached(bytes as u64)?;
            Ok(frames)
        });
        match judged {
            Ok(frames) => {
                self.translation = Some(Box::new(Translation::Passes(frames.into())));
            }
            Err(fault) => self.fail(fault),
        }
    }

    /// Passes on what was decoded, if that is all there: says whether the next frame may begin.
    #[cold]
    fn pass_translation(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let Some(Translation::Passes(frames)) = self.translation.as_deref_mut() else {
            return true;
        };
        let passed = put(frames, buffer);
        frames.advance(passed);
        let is_over = frames.is_empty();
        if is_over {
            self.translation = None;
            self.judge.end_of_attachment();
        }
        is_over
    }

    #[cold]
    fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    fn insert(&mut self, bytes: &[u8]) {
        self.insert = frames::Bytes::default();
        self.insert.extend(bytes);
        self.inserted = 0;
    }

    fn insert_left(&self) -> &[u8] {
        &self.insert.as_slice()[usize::from(self.inserted)..]
    }
}

#[cfg(test)]
mod tests;
