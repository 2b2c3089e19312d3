//! The stocks feed.

use js_sys::Array;
use wasm_bindgen::JsValue;
use web_sys::Element;

use crate::{dom, record::Record};

/// Maximum number of prices in a chart.
const MAX_POINTS: usize = 60;

/// A list with a tile for each symbol.
pub(crate) struct Stocks {
    pub(crate) list: Element,
    tiles: Vec<Tile>,
}

impl Stocks {
    /// Creates a feed without tiles, which are added to this list.
    pub(crate) fn new(list: Element) -> Self {
        Self {
            list,
            tiles: Vec::new(),
        }
    }

    /// Draws the charts with new prices. They are not drawn for each price, because many can come at once.
    pub(crate) fn tick(&mut self) -> Result<(), JsValue> {
        self.tiles.iter_mut().try_for_each(Tile::tick)
    }

    /// Shows a price.
    pub(crate) fn show(&mut self, stock: &Record) -> Result<(), JsValue> {
        let (symbol, price) = (stock.text("symbol")?, stock.number("price")?);
        if let Some(tile) = self.tiles.iter_mut().find(|tile| tile.symbol == symbol) {
            return tile.show(price);
        }
        let mut tile = Tile::new(&self.list, symbol, price)?;
        tile.show(price)?;
        self.tiles.push(tile);
        Ok(())
    }
}

/// A tile with a symbol, its price, the change since the first price, and a chart of the latest prices.
struct Tile {
    symbol: String,
    first: f64,
    latest: Vec<f64>,
    is_drawn: bool,
    price: Element,
    change: Element,
    chart: Element,
    line: Element,
}

impl Tile {
    /// Adds a tile to the end of the list, which shows only the symbol at first.
    fn new(list: &Element, symbol: String, first: f64) -> Result<Self, JsValue> {
        let tile = dom::append(list, "li", "", "")?;
        dom::append(&tile, "span", "symbol", &symbol)?;
        let price = dom::append(&tile, "span", "price", "")?;
        let change = dom::append(&tile, "span", "change", "")?;
        let chart = dom::append_svg(&tile, "svg")?;
        chart.set_attribute("aria-hidden", "true")?;
        chart.set_attribute("preserveAspectRatio", "none")?;
        let line = dom::append_svg(&chart, "polyline")?;
        Ok(Self {
            symbol,
            first,
            latest: Vec::new(),
            is_drawn: false,
            price,
            change,
            chart,
            line,
        })
    }

    /// Shows the latest price.
    fn show(&mut self, price: f64) -> Result<(), JsValue> {
        if self.latest.len() == MAX_POINTS {
            self.latest.remove(0);
        }
        self.latest.push(price);
        self.price
            .set_text_content(Some(&dom::format_fixed(price, 2)?));
        self.is_drawn = false;
        self.show_change(price - self.first)
    }

    /// Draws the chart, if there are new prices.
    fn tick(&mut self) -> Result<(), JsValue> {
        if core::mem::replace(&mut self.is_drawn, true) {
            return Ok(());
        }
        self.draw()
    }

    /// Shows the change. The arrow and the sign repeat the meaning of the colour.
    fn show_change(&self, change: f64) -> Result<(), JsValue> {
        let size = dom::format_fixed(change.abs(), 2)?;
        let (class, sign) = if size == "0.00" {
            ("change", "±")
        } else if change > 0.0 {
            ("change up", "▲ +")
        } else {
            ("change down", "▼ −")
        };
        self.change.set_class_name(class);
        self.change.set_text_content(Some(&[sign, &size].concat()));
        Ok(())
    }

    /// Draws the chart. The points are the negated prices, and the view box scales them.
    fn draw(&self) -> Result<(), JsValue> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let (points, mut x) = (Array::new(), 0.0_f64);
        for &price in &self.latest {
            low = low.min(price);
            high = high.max(price);
            points.push(&JsValue::from(x));
            points.push(&JsValue::from(-price));
            x += 1.0;
        }
        self.line
            .set_attribute("points", &String::from(points.join(" ")))?;

        let view = Array::of4(
            &JsValue::from(0),
            &JsValue::from(-high),
            &JsValue::from((x - 1.0).max(1.0)),
            &JsValue::from((high - low).max(0.01)),
        );
        self.chart
            .set_attribute("viewBox", &String::from(view.join(" ")))
    }
}
