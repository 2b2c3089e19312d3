//! Tests the contract servers over real connections.

#[test]
fn the_contract_server_keeps_the_contract() {
    testkit::contract::check("contract_server");
}

#[cfg(feature = "axum")]
#[test]
fn the_contract_server_on_axum_keeps_the_contract() {
    testkit::contract::check("contract_server_axum");
}
