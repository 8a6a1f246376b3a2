//! The price list as a CSV file.
//!
//! ```text
//! model,input_usd_per_mtok,output_usd_per_mtok,cached_input_usd_per_mtok,valid_from
//! gpt-4o,2.50,10,1.25,2024-10-02
//! ```
//!
//! The last two columns may be left out or empty; further columns are for people. `valid_from` is a day, UTC.

use std::io;
use std::path::Path;

use datafusion::arrow::compute::kernels::cast_utils::Parser;
use datafusion::arrow::datatypes::Date32Type;
use serde::Deserialize;

use super::{Price, PriceTable};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Why a price list cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PriceError {
    /// The file cannot be read.
    #[error("cannot read the price list {path}: {error}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// The text is not what it should be.
    #[error(
        "the price list {list} is wrong in line {line}: {wrong}; the columns are model, input_usd_per_mtok, output_usd_per_mtok and, if \
         wanted, cached_input_usd_per_mtok, valid_from (2024-10-02)"
    )]
    Line {
        /// The list.
        list: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong in it.
        wrong: String,
    },
}

#[derive(Deserialize)]
struct Row {
    model: String,
    input_usd_per_mtok: f64,
    output_usd_per_mtok: f64,
    #[serde(default)]
    cached_input_usd_per_mtok: Option<f64>,
    #[serde(default)]
    valid_from: Option<String>,
}

impl Row {
    fn price(self) -> Result<Price, String> {
        if self.model.is_empty() {
            return Err("the model has no name".to_owned());
        }
        let prices = [
            ("input_usd_per_mtok", Some(self.input_usd_per_mtok)),
            ("output_usd_per_mtok", Some(self.output_usd_per_mtok)),
            ("cached_input_usd_per_mtok", self.cached_input_usd_per_mtok),
        ];
        for (name, price) in prices {
            if let Some(price) = price.filter(|price| !price.is_finite() || *price < 0.0) {
                return Err(format!(
                    "{name} of {} is {price}, and must be 0 or more",
                    self.model
                ));
            }
        }
        let valid_from_us = match self.valid_from.as_deref().filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => match Date32Type::parse(text) {
                Some(days) => Some(i64::from(days) * MICROS_PER_DAY),
                None => return Err(format!("valid_from of {} is {text:?}, and no day", self.model)),
            },
        };
        Ok(Price {
            model: self.model,
            input_usd_per_mtok: self.input_usd_per_mtok,
            output_usd_per_mtok: self.output_usd_per_mtok,
            cached_input_usd_per_mtok: self.cached_input_usd_per_mtok,
            valid_from_us,
        })
    }
}

impl PriceTable {
    /// Reads a price list in CSV, which errors call by that name.
    ///
    /// # Errors
    /// [`PriceError::Line`] for the first line that is not a price, and for a list without any.
    pub fn from_csv(list: &str, text: impl io::Read) -> Result<Self, PriceError> {
        let wrong = |line, wrong| PriceError::Line {
            list: list.to_owned(),
            line,
            wrong,
        };
        let of_csv =
            |error: csv::Error| wrong(error.position().map_or(1, csv::Position::line), error.to_string());
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .comment(Some(b'#'))
            .from_reader(text);
        let headers = reader.headers().cloned().map_err(of_csv)?;
        let mut prices = Vec::new();
        for record in reader.records() {
            let record = record.map_err(of_csv)?;
            let line = record.position().map_or(1, csv::Position::line);
            let row = record.deserialize::<Row>(Some(&headers));
            let price = row.map_err(|error| error.to_string()).and_then(Row::price);
            prices.push(price.map_err(|why| wrong(line, why))?);
        }
        if prices.is_empty() {
            return Err(wrong(1, "there is no price".to_owned()));
        }
        Ok(Self::new(prices))
    }

    /// Reads a price list in CSV from a file.
    ///
    /// # Errors
    /// [`PriceError::Read`], and as [`PriceTable::from_csv`].
    pub fn read(path: &Path) -> Result<Self, PriceError> {
        let name = path.display().to_string();
        match std::fs::File::open(path) {
            Ok(file) => Self::from_csv(&name, file),
            Err(error) => Err(PriceError::Read { path: name, error }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_may_be_left_out_and_comments_and_others_stand_there() {
        let text = "# ours\nnote, output_usd_per_mtok, model, input_usd_per_mtok, valid_from\n\
                    by contract, 4, house-1, 2, 2026-01-02\n, 3,\"house, 2\", 1,\n";
        let table = PriceTable::from_csv("ours", text.as_bytes()).unwrap();
        let names: Vec<_> = table.prices().iter().map(|price| price.model.as_str()).collect();
        assert_eq!(names, ["house, 2", "house-1"]);
        assert_eq!(table.prices()[1].valid_from_us, Some(1_767_312_000_000_000));
        assert_eq!(table.prices()[0].valid_from_us, None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let wrong = |text: &str| {
            PriceTable::from_csv("ours", text.as_bytes())
                .unwrap_err()
                .to_string()
        };
        let header = "model,input_usd_per_mtok,output_usd_per_mtok,valid_from\n";
        for (rows, line, told) in [
            ("", 1, "no price"),
            ("m,1,x,\n", 2, "invalid float"),
            ("m,1,2,\nm,-1,2,\n", 3, "0 or more"),
            ("m,1,NaN,\n", 2, "0 or more"),
            ("m,1,2,yesterday\n", 2, "no day"),
            (",1,2,\n", 2, "no name"),
            ("m,1\n", 2, "fields"),
        ] {
            let error = wrong(&format!("{header}{rows}"));
            assert!(
                error.contains(&format!("ours is wrong in line {line}: ")) && error.contains(told),
                "{error}"
            );
        }
        assert!(wrong("model,input\nm,1\n").contains("missing field"));
    }
}
