//! Tests with servers, clients, proxies and browsers of other projects. `cargo xtask test-servers` installs these
//! programs, and runs the tests.

mod answers;
mod browsers;
mod clients;
mod demo;
mod faults;
mod hyper_client;
mod mercure;
mod mercure_browsers;
mod nodes;
mod openapi;
mod proxies;
