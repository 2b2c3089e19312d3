//! Tests the contract server over real connections.

#[test]
fn the_contract_server_keeps_the_contract() {
    testkit::contract::check("contract_server");
}
