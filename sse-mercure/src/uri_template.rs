//! URI templates ([RFC 6570](https://www.rfc-editor.org/rfc/rfc6570)) as custom patterns of the hub.
//!
//! The RFC defines how a template expands with some variables. A pattern matches the texts to which the template can
//! expand, whatever the variables are. The operator of an expression decides by this table of the RFC:
//!
//! > ```text
//! > .------------------------------------------------------------------.
//! > |          NUL     +      .       /       ;      ?      &      #    |
//! > |------------------------------------------------------------------|
//! > | first |  ""     ""     "."     "/"     ";"    "?"    "&"    "#"  |
//! > | sep   |  ","    ","    "."     "/"     ";"    "&"    "&"    ","  |
//! > | named | false  false  false   false   true   true   true   false |
//! > | ifemp |  ""     ""     ""      ""      ""     "="    "="    ""   |
//! > | allow |   U     U+R     U       U       U      U      U     U+R  |
//! > `------------------------------------------------------------------'
//! > ```

use core::fmt::Write as _;
use std::sync::{Arc, atomic::AtomicUsize};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use regex::escape;
use sse_hub::CustomPattern;

use crate::{
    InvalidMatcher,
    linear_regex::{LinearRegex, RegexPermit},
};

/// Maximum number of variables of a template. The expression for it grows with the square of this number.
pub(crate) const MAX_VARIABLES: usize = 32;

/// Octet of a percent-encoded character.
const ENCODED: &str = "%[0-9A-Fa-f]{2}";

/// Octets after the first one of a percent-encoded character.
const CONTINUATION: &str = "(?:%[89ABab][0-9A-Fa-f])*";

/// URI template with at least one expression.
#[derive(Debug)]
pub(crate) struct UriTemplate<'a>(Vec<Part<'a>>);

#[derive(Debug)]
enum Part<'a> {
    Literal(&'a str),
    Expression(Operator, Vec<Variable<'a>>),
}

#[derive(Debug)]
struct Variable<'a> {
    name: &'a str,
    modifier: Modifier,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Modifier {
    None,
    /// Maximum number of characters of the value.
    Prefix(u16),
    Explode,
}

/// Column of the table.
#[derive(Clone, Copy, Debug)]
struct Operator {
    first: &'static str,
    separator: &'static str,
    is_named: bool,
    /// A named variable without a value has a `=`.
    if_empty: bool,
    /// Values may have reserved characters.
    allows_reserved: bool,
}

impl<'a> UriTemplate<'a> {
    /// Parses a template. `None` if the text is not valid, or has no expression.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((literal, after)) = rest.split_once('{') {
            let (expression, after) = after.split_once('}')?;
            parts.push(Part::literal(literal)?);
            parts.push(Part::expression(expression)?);
            rest = after;
        }
        if parts.is_empty() {
            return None;
        }
        parts.push(Part::literal(rest)?);
        Some(Self(parts))
    }

    /// Compiles the template with this text. The pattern also matches the topic with exactly this text. The text of the
    /// custom pattern begins with `tag`.
    //
    // The pattern has no prefix: the hub would compare it with the resolved URL of a topic, but the topic matches as it
    // is.
    pub(crate) fn compile(
        &self,
        tag: &str,
        text: &str,
        regex_patterns: &Arc<AtomicUsize>,
    ) -> Result<CustomPattern, InvalidMatcher> {
        if self.variables() > MAX_VARIABLES {
            return Err(InvalidMatcher::UriTemplate);
        }
        let permit = RegexPermit::new(regex_patterns)?;
        let regex = LinearRegex::new(self.to_regex());
        regex.compiled().ok_or(InvalidMatcher::UriTemplate)?;
        let exact = text.to_owned();
        CustomPattern::new(format!("{tag}{text}"), move |topic: &str| {
            let _used = &permit;
            topic == exact || regex.compiled().is_some_and(|regex| regex.is_match(topic))
        })
        .map_err(InvalidMatcher::Topic)
    }

    fn variables(&self) -> usize {
        let count = |part: &Part<'_>| match part {
            Part::Literal(_) => 0,
            Part::Expression(_, variables) => variables.len(),
        };
        self.0.iter().map(count).sum()
    }

    /// Returns the regular expression of all expansions.
    fn to_regex(&self) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Literal(text) => literal_regex(text),
            Part::Expression(operator, variables) => operator.expression_regex(variables),
        });
        format!(r"\A(?:{})\z", parts.collect::<String>())
    }
}

impl<'a> Part<'a> {
    /// Returns a text outside of the expressions. `None` if it has a character that is not allowed there.
    //
    // The apostrophe is not in the grammar of the RFC, but is a reserved character of URIs.
    fn literal(text: &'a str) -> Option<Self> {
        let is_allowed = |character: char| {
            !matches!(
                character,
                '\0'..=' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}' | '\x7f'
            )
        };
        (text.chars().all(is_allowed) && is_encoded(text)).then_some(Self::Literal(text))
    }

    /// Parses the text between the braces of an expression.
    fn expression(text: &'a str) -> Option<Self> {
        let (operator, list) = match Operator::new(text.chars().next()?) {
            Some(operator) => (operator, &text[1..]),
            None => (Operator::SIMPLE, text),
        };
        let variables: Option<Vec<_>> = list.split(',').map(Variable::parse).collect();
        Some(Self::Expression(operator, variables?))
    }
}

impl<'a> Variable<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (name, modifier) = match (text.strip_suffix('*'), text.split_once(':')) {
            (Some(name), _) => (name, Modifier::Explode),
            (None, Some((name, length))) => (name, Modifier::Prefix(max_length(length)?)),
            (None, None) => (text, Modifier::None),
        };
        let is_allowed =
            |character: char| character.is_ascii_alphanumeric() || "_%".contains(character);
        let is_valid = |part: &str| !part.is_empty() && part.chars().all(is_allowed);
        let is_name = name.split('.').all(is_valid) && is_encoded(name);
        is_name.then_some(Self { name, modifier })
    }
}

/// Parses the length of a prefix: 1 to 9999, without leading zeros.
fn max_length(digits: &str) -> Option<u16> {
    let is_number = digits.len() <= 4
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    #[expect(clippy::disallowed_methods, reason = "the text has digits only")]
    let number = || digits.parse().ok();
    is_number.then(number).flatten()
}

/// Returns whether two hexadecimal digits follow each percent sign.
fn is_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// Returns the expression of a text that expands to itself. Characters that a URI cannot have may be encoded.
fn literal_regex(text: &str) -> String {
    let mut regex = String::new();
    for character in text.chars() {
        let plain = character.to_string();
        // Writing to a string cannot fail.
        let _ = match character.is_ascii() {
            true => write!(regex, "{}", escape(&plain)),
            false => {
                let encoded = utf8_percent_encode(&plain, NON_ALPHANUMERIC);
                write!(regex, "(?:{plain}|{encoded})")
            }
        };
    }
    regex
}

impl Operator {
    const SIMPLE: Self = Self {
        first: "",
        separator: ",",
        is_named: false,
        if_empty: false,
        allows_reserved: false,
    };

    /// Returns the operator with this character.
    fn new(character: char) -> Option<Self> {
        let simple = Self::SIMPLE;
        let labels = |delimiter| Self {
            first: delimiter,
            separator: delimiter,
            ..simple
        };
        let query = |first| Self {
            first,
            separator: "&",
            is_named: true,
            if_empty: true,
            ..simple
        };
        let reserved = |first| Self {
            first,
            allows_reserved: true,
            ..simple
        };
        Some(match character {
            '+' => reserved(""),
            '#' => reserved("#"),
            '.' => labels("."),
            '/' => labels("/"),
            ';' => Self {
                is_named: true,
                ..labels(";")
            },
            '?' => query("?"),
            '&' => query("&"),
            _ => return None,
        })
    }

    /// Returns the expression of the expansions with these variables, of which any may be undefined.
    fn expression_regex(self, variables: &[Variable<'_>]) -> String {
        let [first, separator] = [self.first, self.separator].map(escape);
        let items: Vec<_> = variables
            .iter()
            .map(|variable| self.variable_regex(variable))
            .collect();
        // One alternative for each variable that can be the first defined one.
        let alternatives = (0..items.len()).map(|start| {
            let others = &items[start + 1..];
            let others = others.iter().map(|item| format!("(?:{separator}{item})?"));
            format!("{}{}", items[start], others.collect::<String>())
        });
        let alternatives: Vec<_> = alternatives.collect();
        format!("(?:{first}(?:{}))?", alternatives.join("|"))
    }

    /// Returns the expression of a defined variable: a text, a list, or an association of names to values.
    fn variable_regex(self, variable: &Variable<'_>) -> String {
        let reserved = if self.allows_reserved {
            r":/?#\[\]@!$&'()*+,;="
        } else {
            ""
        };
        let character = |more: &str| format!(r"(?:[A-Za-z0-9\-._~{reserved}{more}]|{ENCODED})");
        // A value with at least this number of characters.
        let value = |min: u16| match variable.modifier {
            Modifier::None => format!("{}{{{min},}}", character(",")),
            Modifier::Explode => format!("{}{{{min},}}", character("")),
            Modifier::Prefix(max) => {
                let one = format!(r"(?:[A-Za-z0-9\-._~{reserved}]|{ENCODED}{CONTINUATION})");
                format!("{one}{{{min},{max}}}")
            }
        };
        // A member of an association has its own name.
        let name = match variable.modifier {
            Modifier::Explode => format!("{}*", character("")),
            _ => escape(variable.name),
        };
        let item = match (self.is_named, self.if_empty) {
            (true, true) => format!("{name}={}", value(0)),
            (true, false) => format!("{name}(?:={})?", value(1)),
            (false, _) if variable.modifier == Modifier::Explode => {
                format!("{0}(?:={0})?", value(0))
            }
            (false, _) => value(0),
        };
        match variable.modifier {
            Modifier::Explode => format!("{item}(?:{}{item})*", escape(self.separator)),
            _ => item,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    fn compile(text: &str) -> Result<CustomPattern, InvalidMatcher> {
        let template = UriTemplate::parse(text).unwrap_or_else(|| panic!("{text} is no template"));
        template.compile("", text, &Arc::default())
    }

    fn matches(text: &str, topic: &str) -> bool {
        let pattern = compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        sse_hub::TopicFilter::from(pattern).matches(&sse_hub::Topic::opaque(topic).unwrap())
    }

    fn check(template: &str, expansions: &[&str], others: &[&str]) {
        for topic in expansions {
            assert!(matches(template, topic), "{template} {topic}");
        }
        for topic in others {
            assert!(!matches(template, topic), "{template} {topic}");
        }
    }

    /// Expansions of section 3.2 of the RFC.
    #[test]
    fn a_template_matches_its_expansions() {
        for (template, expansion) in [
            ("O{empty}X", "OX"),
            ("O{undef}X", "OX"),
            ("{var}", "value"),
            ("{hello}", "Hello%20World%21"),
            ("{half}", "50%25"),
            ("{x,y}", "1024,768"),
            ("{x,hello,y}", "1024,Hello%20World%21,768"),
            ("?{x,empty}", "?1024,"),
            ("?{x,undef}", "?1024"),
            ("?{undef,y}", "?768"),
            ("{var:3}", "val"),
            ("{var:30}", "value"),
            ("{list}", "red,green,blue"),
            ("{list*}", "red,green,blue"),
            ("{keys}", "semi,%3B,dot,.,comma,%2C"),
            ("{keys*}", "semi=%3B,dot=.,comma=%2C"),
            ("{+hello}", "Hello%20World!"),
            ("{+path}/here", "/foo/bar/here"),
            ("{+path,x}/here", "/foo/bar,1024/here"),
            ("{+path:6}/here", "/foo/b/here"),
            ("{+keys*}", "semi=;,dot=.,comma=,"),
            ("X{#var}", "X#value"),
            ("X{#undef}", "X"),
            ("{#path,x}/here", "#/foo/bar,1024/here"),
            ("{#path:6}/here", "#/foo/b/here"),
            ("{#keys*}", "#semi=;,dot=.,comma=,"),
            ("{.who,who}", ".fred.fred"),
            ("X{.empty}", "X."),
            ("X{.var:3}", "X.val"),
            ("X{.list}", "X.red,green,blue"),
            ("X{.list*}", "X.red.green.blue"),
            ("X{.keys*}", "X.semi=%3B.dot=..comma=%2C"),
            ("X{.empty_keys}", "X"),
            ("{/var,x}/here", "/value/1024/here"),
            ("{/var:1,var}", "/v/value"),
            ("{/list*,path:4}", "/red/green/blue/%2Ffoo"),
            ("{/keys*}", "/semi=%3B/dot=./comma=%2C"),
            ("{;x,y,empty}", ";x=1024;y=768;empty"),
            ("{;x,y,undef}", ";x=1024;y=768"),
            ("{;hello:5}", ";hello=Hello"),
            ("{;list}", ";list=red,green,blue"),
            ("{;list*}", ";list=red;list=green;list=blue"),
            ("{;keys*}", ";semi=%3B;dot=.;comma=%2C"),
            ("{?x,y,empty}", "?x=1024&y=768&empty="),
            ("{?var:3}", "?var=val"),
            ("{?list*}", "?list=red&list=green&list=blue"),
            ("{?keys}", "?keys=semi,%3B,dot,.,comma,%2C"),
            ("{?keys*}", "?semi=%3B&dot=.&comma=%2C"),
            ("?fixed=yes{&x}", "?fixed=yes&x=1024"),
            ("{&x,y,empty}", "&x=1024&y=768&empty="),
            ("{&keys*}", "&semi=%3B&dot=.&comma=%2C"),
        ] {
            check(
                template,
                &[expansion, template],
                &["{", &format!("{expansion} ")],
            );
        }
    }

    #[test]
    fn a_template_matches_no_other_text() {
        let books = "https://example.com/books/{id}";
        let book = |id: &str| format!("https://example.com/books/{id}");
        let reserved = [
            "1/2", "1?a", "1#a", "1:2", "1;a", "a b", "é", "%", "%4", "%zz", "{",
        ];
        for id in reserved {
            check(books, &[], &[&book(id)]);
        }
        check(
            books,
            &[
                &book("1"),
                &book("a-b_c.d~e"),
                &book("%2F"),
                &book("%c3%A9"),
            ],
            &[
                "https://example.com/books",
                "https://example.org/books/1",
                "x",
                "/books/1",
            ],
        );
        // A literal is no expression.
        check("a.b{x}", &["a.bc"], &["aXbc", "A.bc", "xa.bc"]);
        check("(a)*[b]+{x}", &["(a)*[b]+c"], &["aabbc"]);
    }

    #[test]
    fn operators_have_their_own_characters() {
        for (template, expansions, others) in [
            (
                "{x}",
                &["a", "a,b"][..],
                &["a/b", "#a", "?x=a", "a=b", "a!"][..],
            ),
            ("{x*}", &["a", "a,b", "a=b,c=d"], &["a/b", "a=b=c"]),
            (
                "{+x}",
                &["a/b?c#d", "[::]", "a=b!"],
                &["a b", "é", "\"", "%", "a|b"],
            ),
            ("a{#x}", &["a", "a#", "a#b/c#d"], &["ab", "a/b", "#"]),
            ("a{.x}", &["a", "a.", "a.b", "a.b.c"], &["ab", "a/b"]),
            ("a{/x}", &["a", "a/", "a/b"], &["a/b/c", "ab", "a//"]),
            (
                "a{/x,y}",
                &["a", "a/", "a/b", "a/b/c", "a//"],
                &["a/b/c/d", "ab"],
            ),
            ("a{/x*}", &["a", "a/b/c/d"], &["ab"]),
            (
                "a{;x,y}",
                &["a", "a;x", "a;x=1", "a;y", "a;x=1;y=2"],
                &["a;z", "a;y;x", "a;x=", "a;x;x"],
            ),
            (
                "a{?x,y}",
                &["a", "a?x=", "a?x=1", "a?y=2", "a?x=1&y=2"],
                &[
                    "a?",
                    "a?x",
                    "a?z=1",
                    "a?y=2&x=1",
                    "a&x=1",
                    "a?x=1?y=2",
                    "a?x=1&",
                    "a?x=1&x=1",
                ],
            ),
            (
                "a{&x,y}",
                &["a", "a&x=1", "a&x=1&y=2"],
                &["a?x=1", "a&", "a&z=1"],
            ),
            ("a{?x*}", &["a?x=1&x=2", "a?b=1&c="], &["a?b", "a?&"]),
            ("a?b=1{&x*}", &["a?b=1", "a?b=1&x=2&x=3"], &["a?b=1x=2"]),
            ("{a.b,%41_1}", &["x,y"], &["x/y"]),
            ("{?a.b}", &["?a.b=1"], &["?aXb=1"]),
        ] {
            check(template, expansions, others);
        }
    }

    #[test]
    fn a_prefix_counts_characters() {
        check(
            "{x:3}",
            &["abc", "a%20b", "%C3%A9%e2%82%ac%F0%9F%98%80"],
            &["abcd", "abc%20", "a,b"],
        );
        check("{+x:2}", &["//", "a%20"], &["a/b"]);
        check("{;x:2}", &[";x", ";x=ab"], &[";x=", ";x=abc"]);
        check(
            "a{?x:2,y}",
            &["a?x=ab", "a?x=&y=abc", "a?y=abc"],
            &["a?x=abc"],
        );
    }

    #[test]
    fn characters_of_other_alphabets_may_be_encoded() {
        let expansions = [
            "https://é.example/豆/1",
            "https://%C3%A9.example/%E8%B1%86/1",
        ];
        check(
            "https://é.example/豆/{id}",
            &expansions,
            &["https://e.example/豆/1"],
        );
        check("/%7Eme/{id}", &["/%7Eme/1"], &["/~me/1", "/%7eme/1"]);
    }

    #[test]
    fn texts_that_are_not_templates_are_not_parsed() {
        for text in [
            "",
            "a",
            "a}",
            "{",
            "}",
            "{}",
            "{a",
            "a}b{",
            "{a}}",
            "{{a}}",
            "{a{b}",
            "{ }",
            "{a b}",
            "{a,}",
            "{,a}",
            "{a,,b}",
            "{+}",
            "{=a}",
            "{!a}",
            "{@a}",
            "{|a}",
            "{,}",
            "{a-b}",
            "{.a.}",
            "{a..b}",
            "{a:}",
            "{a:0}",
            "{a:01}",
            "{a:10000}",
            "{a:-1}",
            "{a:+1}",
            "{a:x}",
            "{a:1:2}",
            "{a:3*}",
            "{a*:3}",
            "{a**}",
            "{*}",
            "{%}",
            "{%4}",
            "{é}",
            "a b{c}",
            "<{a}>",
            "\"{a}",
            "a\\{a}",
            "%{a}",
            "{a}%4",
            "^{a}",
            "`{a}",
            "{a}|",
        ] {
            assert!(UriTemplate::parse(text).is_none(), "{text}");
        }
        for text in [
            "{a}",
            "{a:9999}",
            "{+a,b:3,c*}",
            "'{a}'",
            "[{a}]",
            "%41{%41.b}",
            "{_}",
            "{1}",
        ] {
            assert!(UriTemplate::parse(text).is_some(), "{text}");
        }
    }

    #[test]
    fn hostile_templates_are_linear_or_refused() {
        let many = |count: usize| vec!["a"; count].join(",");
        for template in [
            format!("{{{}}}", many(33)),
            format!("{{?{}}}", many(500)),
            "{a}".repeat(33),
            "{a:9999}".to_owned(),
            "{+a:1000}".to_owned(),
        ] {
            assert_eq!(
                compile(&template).unwrap_err(),
                InvalidMatcher::UriTemplate,
                "{template}"
            );
        }
        let topic = "a".repeat(4000);
        for template in [
            "{a}".repeat(32),
            "{+a*}".repeat(8),
            "{a*}{b*}{c*}".to_owned(),
        ] {
            assert!(matches(&template, &topic), "{template}");
            assert!(!matches(&template, &format!("{topic} ")), "{template}");
        }
    }

    #[test]
    fn realistic_templates_are_within_the_limits() {
        for template in [
            format!("https://example.com/{}", "{a}/".repeat(32)),
            "https://example.com{/a,b,c,d,e,f}{?x,y,z,page,order}{#f}".to_owned(),
            "https://example.com/{a:50}".to_owned(),
        ] {
            assert!(compile(&template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_template_has_a_permit_until_it_is_dropped() {
        let permits = Arc::new(AtomicUsize::new(0));
        let template = UriTemplate::parse("{a}").unwrap();
        let pattern = template.compile("", "{a}", &permits).unwrap();
        assert_eq!(permits.load(Ordering::Relaxed), 1);
        drop(pattern);
        assert_eq!(permits.load(Ordering::Relaxed), 0);
    }
}
