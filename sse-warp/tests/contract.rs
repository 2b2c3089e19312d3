//! The contract server, from the outside.

#[test]
fn the_contract_server_keeps_the_contract() {
    testkit::contract::check("contract_server");
}
