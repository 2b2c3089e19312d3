//! `/openapi.json`: the document has all paths and methods that the hub serves, and no others. The tests of `interop` check
//! the requests and the responses that it describes.
#![cfg(feature = "hub")]

mod support;

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use support::{
    hub::{Hub, TOKEN},
    mercure::{MercureHub, PATH, SECRET},
    run, sse,
};

async fn document(hub: &Hub) -> Value {
    let reply = hub.get("/openapi.json").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.header("content-type"), "application/json");
    serde_json::from_str(&reply.text).unwrap()
}

/// Returns the documented paths.
fn paths(document: &Value) -> Vec<&str> {
    let paths = document["paths"].as_object().unwrap();
    paths.keys().map(String::as_str).collect()
}

/// Calls `visit` for each object in the document.
fn visit_objects(value: &Value, visit: &mut impl FnMut(&serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            visit(object);
            object
                .values()
                .for_each(|value| visit_objects(value, visit));
        }
        Value::Array(values) => values.iter().for_each(|value| visit_objects(value, visit)),
        _ => {}
    }
}

#[tokio::test]
async fn it_has_the_methods_that_the_hub_serves_and_no_others() {
    let mercure = MercureHub::start(["--mercure-subscriptions", "--debugger"]);
    let with_cors = ["--debugger", "--allow-origin=https://a.example"];
    for hub in [&Hub::start([]), &Hub::start(with_cors), &mercure.hub] {
        let document = document(hub).await;
        assert_eq!(document["openapi"], "3.2.0");
        for (path, item) in document["paths"].as_object().unwrap() {
            let documented: BTreeSet<_> = item.as_object().unwrap().keys().cloned().collect();
            let url = path.replace(['{', '}'], "");
            for method in [
                Method::GET,
                Method::HEAD,
                Method::POST,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
                Method::QUERY,
            ] {
                let name = method.as_str().to_ascii_lowercase();
                let request = hub.request(method, &url);
                // Without parameters, no request gets a stream.
                let reply = hub.send(request, "").await;
                let operation = &item[&name];
                if operation.is_null() {
                    assert_eq!(reply.status, 405, "{name} {path}");
                    let allowed = reply.header("allow").to_ascii_lowercase();
                    let allowed = allowed.split(", ").map(str::to_owned).collect();
                    assert_eq!(documented, allowed, "{name} {path}");
                } else {
                    let responses = &operation["responses"];
                    let is_documented = !responses[reply.status.to_string()].is_null();
                    assert!(is_documented, "{name} {path}: {reply:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn it_has_the_paths_that_the_help_lists() {
    let help = run(&mut sse(["hub", "--help"]), "").stdout;
    let listed = help.split('\n').filter_map(|line| {
        let (method, rest) = line.trim_start().split_once(' ')?;
        let path = rest.trim_start().split([' ', '?']).next()?;
        (matches!(method, "GET" | "POST") && path.starts_with('/')).then_some(path)
    });
    let listed: BTreeSet<_> = listed.collect();
    let document = document(&Hub::start(["--debugger"])).await;
    assert_eq!(listed, BTreeSet::from_iter(paths(&document)));
}

#[tokio::test]
async fn it_has_only_the_paths_of_this_run() {
    let common = ["/healthz", "/metrics", "/openapi.json"];
    assert_eq!(
        paths(&document(&Hub::start([])).await),
        [&["/events"][..], &common, &["/publish"]].concat()
    );
    let metadata = "/.well-known/oauth-protected-resource/.well-known/mercure";
    let mercure = MercureHub::start([]);
    assert_eq!(
        paths(&document(&mercure.hub).await),
        [&[PATH, metadata][..], &common].concat()
    );
    let with_subscriptions = MercureHub::start(["--mercure-subscriptions"]);
    let document = document(&with_subscriptions.hub).await;
    let below: Vec<_> = paths(&document)
        .into_iter()
        .filter_map(|path| path.strip_prefix(PATH))
        .collect();
    assert_eq!(
        below,
        [
            "",
            "/subscriptions",
            "/subscriptions/{match_type}/{match}",
            "/subscriptions/{match_type}/{match}/{subscriber}"
        ]
    );
}

#[tokio::test]
async fn its_names_are_unique_and_its_references_lead_somewhere() {
    let mercure = MercureHub::start(["--mercure-subscriptions", "--mercure-compatibility"]);
    let metrics = "--metrics-token=for-metrics";
    for hub in [&Hub::start(["--debugger", "--ping", metrics]), &mercure.hub] {
        let document = document(hub).await;
        let (mut names, mut references) = (Vec::new(), 0);
        visit_objects(&document, &mut |object| {
            if let Some(reference) = object.get("$ref") {
                let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{reference}");
                references += 1;
            }
            names.extend(
                object
                    .get("operationId")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            );
            for scheme in object
                .get("security")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                for name in scheme.as_object().unwrap().keys() {
                    assert!(
                        !document["components"]["securitySchemes"][name].is_null(),
                        "{name}"
                    );
                }
            }
        });
        let count = names.len();
        assert!(count > 8 && references > count);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}

#[tokio::test]
async fn it_has_the_tokens_that_requests_need() {
    let open = document(&Hub::start([])).await;
    assert_eq!(open["paths"]["/events"]["get"]["security"], Value::Null);
    assert_eq!(
        open["paths"]["/publish"]["post"]["security"],
        json!([{ "publishToken": [] }])
    );
    let options = [
        "--subscribe-token=for-subscribers",
        "--metrics-token=for-metrics",
        "--token-in-url",
    ];
    let closed = document(&Hub::start(options)).await;
    assert_eq!(
        closed["paths"]["/events"]["get"]["security"],
        json!([{ "subscribeToken": [] }, { "subscribeTokenInUrl": [] }])
    );
    assert_eq!(
        closed["paths"]["/metrics"]["get"]["security"],
        json!([{ "metricsToken": [] }])
    );
    for (options, anonymous) in [(&[][..], None), (&["--mercure-anonymous"], Some(json!({})))] {
        let hub = match options {
            [] => MercureHub::start([]),
            _ => MercureHub::start(["--mercure-anonymous"]),
        };
        let document = document(&hub.hub).await;
        let tokens = [
            json!({ "accessToken": [] }),
            json!({ "accessTokenInCookie": [] }),
        ];
        let expected: Vec<_> = anonymous.into_iter().chain(tokens.clone()).collect();
        assert_eq!(document["paths"][PATH]["get"]["security"], json!(expected));
        assert_eq!(document["paths"][PATH]["post"]["security"], json!(tokens));
    }
}

#[tokio::test]
async fn it_has_no_secrets() {
    let options = [
        "--subscribe-token=for-subscribers",
        "--metrics-token=for-metrics",
    ];
    let mercure = MercureHub::start(["--metrics-token=for-metrics"]);
    for hub in [&Hub::start(options), &mercure.hub] {
        let text = document(hub).await.to_string();
        for secret in [TOKEN, "for-subscribers", "for-metrics", SECRET] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}

#[tokio::test]
async fn it_can_be_turned_off() {
    let hub = Hub::start(["--no-openapi"]);
    for method in [Method::GET, Method::HEAD, Method::POST] {
        let reply = hub.send(hub.request(method, "/openapi.json"), "").await;
        assert_eq!(reply.status, 404);
    }
}
