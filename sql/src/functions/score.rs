//! `score(expected, actual [, method])` and `levenshtein_similarity(a, b)`: how well an answer matches what was expected.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Float64Builder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    scalar_doc_sections::DOC_SECTION_STRING,
};
use quipu_stats::score::{ScoringMethod, score as score_of};

/// `score`.
pub(super) fn score() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(Score::new(Kind::Score)))
}

/// `levenshtein_similarity`.
pub(super) fn levenshtein_similarity() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(Score::new(Kind::Similarity)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Score,
    Similarity,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Score {
    kind: Kind,
    signature: Signature,
    documentation: Documentation,
}

impl Score {
    fn new(kind: Kind) -> Self {
        let documentation = match kind {
            Kind::Score => Documentation::builder(
                DOC_SECTION_STRING,
                "How well an answer matches what was expected, from 0 to 1. Null if one of them is null.",
                "score(expected, actual [, method])",
            )
            .with_argument("expected", "The expected answer.")
            .with_argument("actual", "The answer.")
            .with_argument("method", format!("{}. Default: fuzzy.", ScoringMethod::names()))
            .with_sql_example("select score('Paris', 'It is Paris.', 'contains')"),
            Kind::Similarity => Documentation::builder(
                DOC_SECTION_STRING,
                "1 less the edit distance (Levenshtein) by the length of the longer text, both in characters after \
                 normalisation (NFC): 1 for equal texts, 0 for texts without a character in common.",
                "levenshtein_similarity(a, b)",
            )
            .with_argument("a", "A text.")
            .with_argument("b", "Another text.")
            .with_sql_example("select levenshtein_similarity('Parus', 'Paris')"),
        };
        Self {
            kind,
            signature: Signature::user_defined(Volatility::Immutable),
            documentation: documentation.build(),
        }
    }
}

impl ScalarUDFImpl for Score {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Score => "score",
            Kind::Similarity => "levenshtein_similarity",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match (self.kind, given.len()) {
            (Kind::Score, 2 | 3) | (Kind::Similarity, 2) => Ok(vec![DataType::Utf8View; given.len()]),
            (Kind::Score, found) => {
                plan_err!("score takes 2 or 3 arguments, found {found}: score(expected, actual [, method])")
            }
            (Kind::Similarity, found) => plan_err!(
                "levenshtein_similarity takes 2 arguments, found {found}: levenshtein_similarity(a, b)"
            ),
        }
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [expected, actual, methods @ ..] = arrays.as_slice() else {
            return exec_err!("{} takes two texts, found {}", self.name(), arrays.len());
        };
        let (expected, actual) = (expected.as_string_view(), actual.as_string_view());
        let methods = methods.first().map(|methods| methods.as_string_view());
        let mut scores = Float64Builder::with_capacity(expected.len());
        for (row, pair) in expected.iter().zip(actual.iter()).enumerate() {
            let method = match methods {
                None => Some(ScoringMethod::FuzzyMatch),
                Some(methods) if methods.is_null(row) => None,
                Some(methods) => match methods.value(row).parse::<ScoringMethod>() {
                    Ok(method) => Some(method),
                    Err(error) => return exec_err!("{error}"),
                },
            };
            let ((Some(expected), Some(actual)), Some(method)) = (pair, method) else {
                scores.append_null();
                continue;
            };
            match score_of(actual, expected, method) {
                Ok(score) => scores.append_value(score),
                Err(error) => return exec_err!("{error}"),
            }
        }
        Ok(ColumnarValue::Array(Arc::new(scores.finish())))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
