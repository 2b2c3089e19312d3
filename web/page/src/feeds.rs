//! The feeds of the page, and the views of the time, the news and the scores.

use js_sys::{Date, JSON};
use sse_wasm::Event;
use wasm_bindgen::JsValue;
use web_sys::Element;

use crate::{dom, record::Record, stocks::Stocks};

/// All feeds.
pub(crate) struct Feeds {
    time: Time,
    stocks: Stocks,
    news: News,
    scores: Scores,
}

impl Feeds {
    /// Finds the elements of the feeds.
    pub(crate) fn find() -> Result<Self, JsValue> {
        Ok(Self {
            time: Time {
                element: dom::by_id("time")?,
                clock: dom::by_id("clock")?,
                date: dom::by_id("date")?,
                date_style: JSON::parse(r#"{"dateStyle":"full"}"#)?,
                shown: String::new(),
            },
            stocks: Stocks::new(dom::by_id("stocks")?),
            news: News(dom::by_id("news")?),
            scores: Scores {
                table: dom::by_id("scores")?,
                rows: Vec::new(),
            },
        })
    }

    /// Clears all feeds, because their values may be out of date.
    pub(crate) fn clear(&mut self) -> Result<(), JsValue> {
        for list in [&self.stocks.list, &self.news.0, &self.scores.table] {
            list.set_text_content(None);
        }
        *self = Self::find()?;
        Ok(())
    }

    /// Draws what was postponed.
    pub(crate) fn tick(&mut self) -> Result<(), JsValue> {
        self.stocks.tick()
    }

    /// Shows an event in the feed of its type, or returns an error if its data is invalid.
    pub(crate) fn show(&mut self, event: &Event) -> Result<(), JsValue> {
        match &*event.event_type {
            "time" => self.time.show(&event.data),
            "stocks" => self.stocks.show(&Record::parse(&event.data)?),
            "news" => self.news.show(&Record::parse(&event.data)?),
            "scores" => self.scores.show(&Record::parse(&event.data)?),
            _ => Ok(()),
        }
    }
}

/// The clock of the server, in the time zone and the format of the user.
struct Time {
    element: Element,
    clock: Element,
    date: Element,
    date_style: JsValue,
    shown: String,
}

impl Time {
    /// Shows the time, which the server sends as an HTTP date.
    fn show(&mut self, http_date: &str) -> Result<(), JsValue> {
        // Browsers do not know a locale of this name, so they use the locale of the user.
        const LOCALE: &str = "default";

        if self.shown == http_date {
            return Ok(());
        }
        http_date.clone_into(&mut self.shown);
        let date = Date::new(&http_date.into());
        if date.get_time().is_nan() {
            return Err("invalid date".into());
        }
        self.element
            .set_attribute("datetime", &String::from(date.to_iso_string()))?;
        let clock = String::from(date.to_locale_time_string(LOCALE));
        self.clock.set_text_content(Some(&clock));
        let date = String::from(date.to_locale_date_string(LOCALE, &self.date_style));
        self.date.set_text_content(Some(&date));
        Ok(())
    }
}

/// The latest headlines, newest first.
struct News(Element);

impl News {
    /// Maximum number of headlines on the page.
    const MAX_HEADLINES: u32 = 6;

    /// Shows a headline.
    fn show(&self, news: &Record) -> Result<(), JsValue> {
        let (section, headline) = (news.text("section")?, news.text("headline")?);
        let entry = dom::create("li", "", "")?;
        dom::prepend(&self.0, &entry)?;
        if self.0.child_element_count() > Self::MAX_HEADLINES
            && let Some(oldest) = self.0.last_element_child()
        {
            oldest.remove();
        }
        dom::append(&entry, "span", "topic", &section)?;
        dom::append(&entry, "span", "headline", &headline)?;
        Ok(())
    }
}

/// A table of results, with a row for each pairing.
struct Scores {
    table: Element,
    rows: Vec<Row>,
}

/// A pairing, and the cells of its row that change.
struct Row {
    teams: [String; 2],
    result: Element,
    minute: Element,
}

impl Scores {
    /// Shows a result in the row of its pairing.
    fn show(&mut self, score: &Record) -> Result<(), JsValue> {
        let teams = [score.text("home")?, score.text("away")?];
        let home_goals = dom::format_fixed(score.number("home_goals")?, 0)?;
        let away_goals = dom::format_fixed(score.number("away_goals")?, 0)?;
        let minute = dom::format_fixed(score.number("minute")?, 0)?;

        let known = self.rows.iter().position(|row| row.teams == teams);
        let index = match known {
            Some(index) => index,
            None => self.add(teams)?,
        };
        if let Some(row) = self.rows.get(index) {
            row.result
                .set_text_content(Some(&[&home_goals, " – ", &away_goals].concat()));
            row.minute.set_text_content(Some(&[&minute, "′"].concat()));
        }
        Ok(())
    }

    /// Adds a row for a pairing, and returns its index.
    fn add(&mut self, teams: [String; 2]) -> Result<usize, JsValue> {
        let row = dom::append(&self.table, "tr", "", "")?;
        let pairing = dom::append(&row, "th", "", &teams.join(" – "))?;
        pairing.set_attribute("scope", "row")?;
        self.rows.push(Row {
            teams,
            result: dom::append(&row, "td", "result", "")?,
            minute: dom::append(&row, "td", "minute", "")?,
        });
        Ok(self.rows.len() - 1)
    }
}
