//! Simple services: what the programs of socket tutorials do, each as a handler of raw connections.
//!
//! In: a connection, settings. Out: the conversation that an item of the tutorials describes, byte by byte. None of them speaks
//! landline/1 or knows keys; who may come is decided before (a challenge, the bound address).
//! Source: PROTOCOL.md §12.

pub mod answers;
pub mod bot;
pub mod broker;
pub mod exec;
pub mod file;
pub mod greet;
pub mod time;
pub mod upload;

pub use answers::{Ack, Discard, Echo, Hello, Info, Upper};
pub use bot::{Bot, Table, TableError};
pub use broker::{Broker, Slow};
pub use exec::{Exec, Order};
pub use file::{Files, Manner};
pub use greet::Greet;
pub use time::Time;
pub use upload::{UploadError, Uploads};
