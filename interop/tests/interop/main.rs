//! Servers, clients, proxies and browsers of others, and ours between them. They want all of these to be
//! there: `cargo xtask test-servers` brings them.

mod browsers;
mod clients;
mod demo;
mod faults;
mod hyper_client;
mod nodes;
mod proxies;
