//! JSON values that the browser's own `JSON.parse` reads.

use sse_wasm::Json;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn reads_the_members_of_an_object() {
    let text = r#"{"text":"é\n","number":-1.5,"yes":true,"nothing":null,"list":[1,"2"],"":0}"#;
    let json = Json::parse(text).unwrap();
    assert_eq!(json.get("text").unwrap().text(), Some("é\n".to_owned()));
    assert_eq!(json.get("number").unwrap().number(), Some(-1.5));
    assert_eq!(json.get("yes").unwrap().boolean(), Some(true));
    assert!(json.get("nothing").unwrap().is_null());
    assert_eq!(json.get("").unwrap().number(), Some(0.0));
    let list = json.get("list").unwrap();
    let elements: Vec<Json> = list.elements().unwrap().collect();
    assert_eq!(elements[0].number(), Some(1.0));
    assert_eq!(elements[1].text(), Some("2".to_owned()));
    assert_eq!(elements.len(), 2);
}

#[wasm_bindgen_test]
fn missing_members_and_other_types_are_none() {
    let json = Json::parse(r#"{"text":"1","number":0}"#).unwrap();
    assert!(json.get("other").is_none());
    let (text, number) = (json.get("text").unwrap(), json.get("number").unwrap());
    assert_eq!(text.number(), None);
    assert_eq!(text.boolean(), None);
    assert!(!text.is_null());
    assert!(text.elements().is_none());
    assert!(text.get("text").is_none());
    assert_eq!(number.text(), None);
    assert_eq!(number.boolean(), None);
    assert!(Json::parse("1").unwrap().get("text").is_none());
    assert!(Json::parse("null").unwrap().get("text").is_none());
}

#[wasm_bindgen_test]
fn inherited_members_are_ignored() {
    let json = Json::parse("{}").unwrap();
    for name in ["toString", "constructor", "__proto__"] {
        assert!(json.get(name).is_none(), "{name}");
    }
    assert_eq!(
        Json::parse(r#"{"__proto__":1}"#)
            .unwrap()
            .get("__proto__")
            .unwrap()
            .number(),
        Some(1.0)
    );
}

#[wasm_bindgen_test]
fn invalid_json_is_none() {
    for text in ["", "{", "undefined", "{a:1}", "'a'", "[1,]", "\u{FEFF}1"] {
        assert!(Json::parse(text).is_none(), "{text}");
    }
}
