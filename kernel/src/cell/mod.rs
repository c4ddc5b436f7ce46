//! A cell, split once into the things it is made of.
//!
//! A cell mixes Rust with magics: `%load …` between two `let`s, `%%sql` over a whole body, `!ls`.
//! [`split`] cuts it into [`Segment`]s in order. A magic stands at column 0, at bracket depth 0,
//! outside strings and comments; everything else is Rust, **byte for byte**: what evcxr gets is what
//! the person typed, including evcxr's own `:commands`. Nothing here knows which magics exist.

mod lexer;
mod split;

pub(crate) use lexer::{Lexer, State};
pub(crate) use split::{Segment, split};

/// Whether a piece of Rust holds nothing but white space and comments, so that evcxr need not see it.
pub(crate) fn is_blank(rust: &str) -> bool {
    let mut lexer = Lexer::default();
    lexer.feed(rust);
    !lexer.saw_code()
}
