//! How ZeroMQ's bytes fall into frames, followed without keeping one of them.
//!
//! A connection of ZMTP 3 (<https://rfc.zeromq.org/spec/23/>) begins with a
//! greeting of 64 bytes; then come frames, each with a byte of flags and a length
//! of one byte or of eight. zeromq 0.7 reserves what a length claims before a
//! byte of that frame is there, and has no limit: 73 bytes from anyone, without
//! any key, would end the kernel. So the gate follows the lengths first, and what
//! claims too much never gets to zeromq.

/// What the frames of one message may claim together. Front ends send cells, and
/// the largest are of some megabytes. zeromq reserves what is claimed at once, so
/// this much must be there even where a process's memory is limited.
pub(crate) const MESSAGE_LIMIT: u64 = 256 << 20;
/// What a frame costs beside its bytes: without it, a message of empty frames could go on for ever.
const FRAME: u64 = 64;

const GREETING: usize = 64;
const MORE: u8 = 0b001;
const LONG: u8 = 0b010;
const COMMAND: u8 = 0b100;

/// Why a connection must not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("it does not begin as ZeroMQ does")]
    Greeting,
    #[error("it announces a message of {0} bytes, and {MESSAGE_LIMIT} are the most that is taken")]
    TooLong(u64),
}

/// Where in the stream the next byte stands.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// In the greeting, behind so many of its bytes.
    Greeting(usize),
    Flags,
    Length {
        flags: u8,
        bytes_left: u8,
        so_far: u64,
    },
    /// In a frame that has so many bytes left, at least one.
    Body(u64),
}

/// Follows what one front end sends on one connection.
#[derive(Debug)]
pub(crate) struct Framing {
    place: Place,
    /// By the frames so far of the message that is on its way.
    claimed: u64,
}

impl Framing {
    pub(crate) fn new() -> Self {
        Self {
            place: Place::Greeting(0),
            claimed: 0,
        }
    }

    /// Goes on by these bytes. Where they are refused, none of them may be passed
    /// on: it is the last byte of a length that does the harm.
    pub(crate) fn follow(&mut self, mut bytes: &[u8]) -> Result<(), Refused> {
        while let Some((&byte, mut rest)) = bytes.split_first() {
            self.place = match self.place {
                // The ends of the signature; what is between them has lost its meaning.
                Place::Greeting(0) if byte != 0xff => return Err(Refused::Greeting),
                Place::Greeting(9) if byte != 0x7f => return Err(Refused::Greeting),
                Place::Greeting(came) if came + 1 < GREETING => Place::Greeting(came + 1),
                Place::Greeting(_) => Place::Flags,
                Place::Flags => Place::Length {
                    flags: byte,
                    bytes_left: if byte & LONG == 0 { 1 } else { 8 },
                    so_far: 0,
                },
                Place::Length {
                    flags,
                    bytes_left,
                    so_far,
                } => {
                    let so_far = (so_far << 8) | u64::from(byte);
                    if bytes_left > 1 {
                        Place::Length {
                            flags,
                            bytes_left: bytes_left - 1,
                            so_far,
                        }
                    } else {
                        self.claim(flags, so_far)?;
                        body(so_far)
                    }
                }
                Place::Body(left) => {
                    let here = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    rest = &bytes[here..];
                    body(left - here as u64)
                }
            };
            bytes = rest;
        }
        Ok(())
    }

    fn claim(&mut self, flags: u8, length: u64) -> Result<(), Refused> {
        // A command is no part of a message, even where it comes between the frames of one.
        let command = flags & COMMAND != 0;
        let before = if command { 0 } else { self.claimed };
        let claimed = before.saturating_add(length).saturating_add(FRAME);
        if claimed > MESSAGE_LIMIT {
            return Err(Refused::TooLong(claimed));
        }
        if !command {
            self.claimed = if flags & MORE == 0 { 0 } else { claimed };
        }
        Ok(())
    }
}

fn body(left: u64) -> Place {
    if left == 0 { Place::Flags } else { Place::Body(left) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn greeting() -> Vec<u8> {
        let mut bytes = vec![0; GREETING];
        (bytes[0], bytes[9], bytes[10]) = (0xff, 0x7f, 3);
        bytes
    }

    /// Flags and length; the length takes eight bytes where the flags say so.
    fn header(flags: u8, length: u64) -> Vec<u8> {
        let mut bytes = vec![flags];
        match flags & LONG {
            0 => bytes.push(u8::try_from(length).unwrap()),
            _ => bytes.extend(length.to_be_bytes()),
        }
        bytes
    }

    fn after_greeting(parts: &[Vec<u8>]) -> Result<(), Refused> {
        let mut framing = Framing::new();
        framing.follow(&greeting())?;
        parts.iter().try_for_each(|part| framing.follow(part))
    }

    #[test]
    fn what_does_not_begin_as_zeromq_is_refused_at_the_first_byte_that_shows_it() {
        assert_eq!(Framing::new().follow(b"G"), Err(Refused::Greeting));
        let mut framing = Framing::new();
        assert_eq!(framing.follow(b"\xff\0\0\0\0\0\0\0\x01"), Ok(()));
        assert_eq!(framing.follow(b"\x01"), Err(Refused::Greeting));
        assert_eq!(Framing::new().follow(&greeting()), Ok(()));
    }

    #[test]
    fn a_message_up_to_the_limit_may_come_and_nothing_above_it() {
        for flags in [LONG, LONG | COMMAND] {
            assert_eq!(after_greeting(&[header(flags, MESSAGE_LIMIT - FRAME)]), Ok(()));
            for length in [MESSAGE_LIMIT - FRAME + 1, 1 << 50, u64::MAX] {
                let refused = after_greeting(&[header(flags, length)]);
                assert!(matches!(refused, Err(Refused::TooLong(_))), "{length}: {refused:?}");
            }
        }
    }

    #[test]
    fn the_frames_of_a_message_count_together_and_those_of_the_next_do_not() {
        let million = vec![0; 1 << 20];
        let half = |framing: &mut Framing, flags: u8| {
            framing.follow(&header(flags | LONG, MESSAGE_LIMIT / 2 - FRAME))?;
            framing.follow(&million[FRAME as usize..])?;
            (1..(MESSAGE_LIMIT / 2) >> 20).try_for_each(|_| framing.follow(&million))
        };
        let mut framing = Framing::new();
        framing.follow(&greeting()).unwrap();
        for flags in [MORE, 0, 0, MORE, MORE] {
            half(&mut framing, flags).unwrap();
            framing.follow(&header(COMMAND, 0)).unwrap();
        }
        let one_more = framing.follow(&header(0, 0));
        assert_eq!(one_more, Err(Refused::TooLong(MESSAGE_LIMIT + FRAME)));

        let empty = header(MORE, 0).repeat(usize::try_from(MESSAGE_LIMIT / FRAME).unwrap());
        assert_eq!(after_greeting(std::slice::from_ref(&empty)), Ok(()));
        assert!(after_greeting(&[empty, header(0, 0)]).is_err());
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_bytes_come(
            frames in prop::collection::vec((0..8_u8, 0..700_u64), 0..20),
            tail in prop::collection::vec(any::<u8>(), 0..40),
            pieces in prop::collection::vec(1..300_usize, 1..200),
        ) {
            let mut stream = greeting();
            for (flags, length) in frames {
                let length = if flags & LONG == 0 { length % 256 } else { length };
                stream.extend(header(flags, length));
                stream.extend(vec![0xff; usize::try_from(length).unwrap()]);
            }
            let mut framing = Framing::new();
            prop_assert_eq!(framing.follow(&stream), Ok(()));
            prop_assert!(matches!(framing.place, Place::Flags));

            stream.extend(tail);
            let whole = Framing::new().follow(&stream);
            let mut framing = Framing::new();
            let mut rest = stream.as_slice();
            let mut in_pieces = Ok(());
            for piece in pieces.iter().cycle() {
                if rest.is_empty() || in_pieces.is_err() {
                    break;
                }
                let (now, later) = rest.split_at(rest.len().min(*piece));
                in_pieces = framing.follow(now);
                rest = later;
            }
            prop_assert_eq!(in_pieces, whole);
        }
    }
}
