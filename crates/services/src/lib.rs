//! Purpose: what answers a call, and the file that asks.
//!
//! [`files`] moves files, [`introduce`] makes two machines know each other, [`rekey`] keeps it so
//! when a key changes, [`login`] enrols a machine by its user's password, [`admin`] manages a machine, [`audit`] keeps account
//! of all of it. [`switchboard`] decides who reaches which of them, [`house`] is a serving machine as a whole, [`mod@line`] how this
//! machine calls others. No terminal code here: what is shown to people is decided above.
#![forbid(unsafe_code)]

pub mod admin;
pub mod audit;
pub mod files;
pub mod house;
pub mod introduce;
pub mod line;
pub mod login;
pub mod rekey;
pub mod simple;
pub mod switchboard;
