//! `cost_usd(model, input_tokens, output_tokens [, at [, cached_input_tokens]])` and `cost_note` of the same: what a
//! call of a model cost, and why that is not known.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Builder, StringViewBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    scalar_doc_sections::DOC_SECTION_OTHER,
};

use super::time_type;
use crate::prices::{PriceTable, Usage};

/// `cost_usd` over these prices.
pub(crate) fn cost_usd(prices: &Arc<PriceTable>) -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(Cost::new(prices, Told::Cost)))
}

/// `cost_note` over these prices.
pub(crate) fn cost_note(prices: &Arc<PriceTable>) -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(Cost::new(prices, Told::Note)))
}

/// What the function gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Told {
    Cost,
    Note,
}

#[derive(Debug)]
struct Cost {
    signature: Signature,
    prices: Arc<PriceTable>,
    told: Told,
}

impl Cost {
    fn new(prices: &Arc<PriceTable>, told: Told) -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
            prices: Arc::clone(prices),
            told,
        }
    }
}

// Two of them are the same function if they have the same prices, told by identity: a session has one table.
impl PartialEq for Cost {
    fn eq(&self, other: &Self) -> bool {
        self.told == other.told && Arc::ptr_eq(&self.prices, &other.prices)
    }
}

impl Eq for Cost {}

impl Hash for Cost {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.told.hash(state);
        Arc::as_ptr(&self.prices).hash(state);
    }
}

impl ScalarUDFImpl for Cost {
    fn name(&self) -> &str {
        match self.told {
            Told::Cost => "cost_usd",
            Told::Note => "cost_note",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let mut types = vec![
            DataType::Utf8View,
            DataType::Int64,
            DataType::Int64,
            time_type(),
            DataType::Int64,
        ];
        if !(3..=types.len()).contains(&given.len()) {
            return plan_err!(
                "{0} takes 3 to 5 arguments, found {1}: {0}(model, input_tokens, output_tokens [, at [, \
                 cached_input_tokens]])",
                self.name(),
                given.len()
            );
        }
        types.truncate(given.len());
        Ok(types)
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(match self.told {
            Told::Cost => DataType::Float64,
            Told::Note => DataType::Utf8View,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [models, inputs, outputs, rest @ ..] = arrays.as_slice() else {
            return exec_err!("{} takes 3 to 5 arguments, found {}", self.name(), arrays.len());
        };
        let calls = Calls {
            models: cast(models, &DataType::Utf8View)?,
            inputs: cast(inputs, &DataType::Int64)?,
            outputs: cast(outputs, &DataType::Int64)?,
            times: rest.first().map(|times| cast(times, &time_type())).transpose()?,
            cached: rest
                .get(1)
                .map(|cached| cast(cached, &DataType::Int64))
                .transpose()?,
        };
        let told = (0..models.len()).map(|row| calls.cost(row, &self.prices));
        Ok(ColumnarValue::Array(match self.told {
            Told::Cost => {
                let mut costs = Float64Builder::with_capacity(models.len());
                costs.extend(told.map(Result::ok));
                Arc::new(costs.finish())
            }
            Told::Note => {
                let mut notes = StringViewBuilder::with_capacity(models.len());
                notes.extend(told.map(Result::err));
                Arc::new(notes.finish())
            }
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        static COST: LazyLock<Documentation> = LazyLock::new(|| {
            documentation(
                "What a call of a model cost, in US dollars, by the table system.prices. Null, and never 0, if the model \
                 has no price there or a count of tokens is not known: cost_note tells which.",
                "cost_usd(model, input_tokens, output_tokens [, at [, cached_input_tokens]])",
            )
            .with_sql_example("select cost_usd('gpt-4o', 1200, 300, timestamp '2024-12-01T00:00:00Z')")
            .build()
        });
        static NOTE: LazyLock<Documentation> = LazyLock::new(|| {
            documentation(
                "Why cost_usd gives null for the same arguments; null if it does not.",
                "cost_note(model, input_tokens, output_tokens [, at [, cached_input_tokens]])",
            )
            .with_sql_example("select cost_note('house-model', 1200, 300)")
            .build()
        });
        Some(match self.told {
            Told::Cost => &COST,
            Told::Note => &NOTE,
        })
    }
}

fn documentation(description: &str, syntax: &str) -> datafusion::logical_expr::DocumentationBuilder {
    Documentation::builder(DOC_SECTION_OTHER, description, syntax)
        .with_argument(
            "model",
            "The model's name. A date or version behind a listed name does not matter, nor what stands before a slash.",
        )
        .with_argument("input_tokens", "All input tokens.")
        .with_argument("output_tokens", "All output tokens.")
        .with_argument("at", "When the call was made: prices change. Without it, or if it is null, the newest price counts.")
        .with_argument(
            "cached_input_tokens",
            "Those of the input tokens that the provider had cached; null counts as none.",
        )
}

struct Calls {
    models: ArrayRef,
    inputs: ArrayRef,
    outputs: ArrayRef,
    times: Option<ArrayRef>,
    cached: Option<ArrayRef>,
}

impl Calls {
    /// What the call in that row cost, or why it is not known.
    fn cost(&self, row: usize, prices: &PriceTable) -> Result<f64, String> {
        let count = |counts: &ArrayRef| {
            let counts = counts.as_primitive::<Int64Type>();
            counts.is_valid(row).then(|| counts.value(row))
        };
        let models = self.models.as_string_view();
        if models.is_null(row) || models.value(row).is_empty() {
            return Err("the model is not known".to_owned());
        }
        let model = models.value(row);
        let at = self.times.as_ref().and_then(|times| {
            let times = times.as_primitive::<TimestampMicrosecondType>();
            times.is_valid(row).then(|| times.value(row))
        });
        let Some(price) = prices.price(model, at) else {
            return Err(format!("no price of {model} in system.prices"));
        };
        let (Some(input_tokens), Some(output_tokens)) = (count(&self.inputs), count(&self.outputs)) else {
            return Err("the tokens are not known".to_owned());
        };
        Ok(price.cost_usd(Usage {
            input_tokens,
            output_tokens,
            cached_input_tokens: self.cached.as_ref().and_then(count).unwrap_or(0),
        }))
    }
}
